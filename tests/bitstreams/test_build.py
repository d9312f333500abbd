"""The whole flow on a small design, and what stops it early."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.sim import Simulator

from bitstreams.boards.halved import HalvedClock
from bitstreams.boards.pll import RESET_CYCLES, Dividers, pll_dividers
from bitstreams.build import build
from bitstreams.device import ECP5_25F, FitError, check_fit
from bitstreams.report import write_reports
from bitstreams.timing import hold_violations
from bitstreams.tools import ToolError, find_tool, run
from tests.bitstreams.small_boards import SMALL, committed

BOARD = SMALL["ecp5"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(BOARD, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def built_for_gowin(tmp_path_factory):
    return build(SMALL["gw5a"], tmp_path_factory.mktemp("gowin"))


@pytest.mark.parametrize("family, fixture", [("ecp5", "built"), ("gw5a", "built_for_gowin")])
def test_the_report_is_the_committed_one(family, fixture, request, tmp_path):
    facts = write_reports(request.getfixturevalue(fixture), [], tmp_path)
    again = "write it anew with: python -m tests.bitstreams.small_boards"
    expected = committed(family)
    assert facts == json.loads((expected / "report.json").read_text()), again
    assert (tmp_path / "report.txt").read_text() == (expected / "report.txt").read_text(), again


def test_the_report_says_what_was_routed(built, tmp_path):
    facts = write_reports(built, [], tmp_path)
    assert facts["lut4"]["used"] > 400 and facts["lut4"]["available"] == ECP5_25F.lut4
    assert facts["fmax_mhz"] > facts["clock_mhz"] == 100
    assert "not run on hardware" in (tmp_path / "report.txt").read_text()


def test_the_estimate_before_placement_is_within_1_percent(built):
    used = built.best.report["utilization"]["TRELLIS_COMB"]["used"]
    assert abs(built.fit["lut4"]["needed"] - used) <= used / 100


def test_hold_violations_are_those_after_routing():
    line = "Info: {} Hold/min time violations (showing 10 worst paths):\n"
    assert hold_violations("Info: Routing..\n") == 0
    assert hold_violations(line.format(31) + "Info: Routing..\n" + line.format(4)) == 4


def test_the_clock_is_on_the_global_network(built_for_gowin):
    log = built_for_gowin.best.placed.with_name("top.seed1.log").read_text()
    assert re.search(r"Routing globals\.\.\.\n(.*\n)?.*'clk' net was routed", log)
    assert built_for_gowin.best.hold_violations == 0


def test_an_estimate_for_gowin_errs_on_the_safe_side(built_for_gowin):
    """Before routing, which takes more LUTs to pass through."""
    log = built_for_gowin.best.placed.with_name("top.seed1.log").read_text()
    packed = int(re.search(r"LUT4: +(\d+)/", log).group(1))
    assert packed <= built_for_gowin.fit["lut4"]["needed"] <= 1.05 * packed


def test_a_floorplan_comes_before_placement(built, tmp_path):
    """Without a block RAM it changes nothing but the file that nextpnr reads."""
    planned = build(replace(BOARD, planned=True), tmp_path)
    assert "--json top.seed1.planned.json" in planned.commands[1]
    assert "planned" not in built.commands[1]
    assert planned.digests == built.digests


def test_builds_in_two_folders_are_equal(built, tmp_path):
    again = build(BOARD, tmp_path)
    assert again.digests == built.digests
    assert again.bitstream.read_bytes() == built.bitstream.read_bytes()


def test_seeds_side_by_side(built, tmp_path):
    """Another seed is another layout; the median is reported, the fastest is in the bitstream."""
    both = build(BOARD, tmp_path, seeds=[1, 2], jobs=2)
    first, second = both.routed
    assert (first.seed, second.seed) == (1, 2)
    assert first.placed.read_bytes() == built.best.placed.read_bytes()
    assert second.placed.read_bytes() != first.placed.read_bytes()
    assert both.fmax_mhz == (first.fmax_mhz + second.fmax_mhz) / 2
    assert both.best.fmax_mhz == max(first.fmax_mhz, second.fmax_mhz)
    assert both.digests["netlist"] == built.digests["netlist"]
    another = both.digests["bitstream"] != built.digests["bitstream"]
    assert another == (both.best is second)


def test_what_does_not_fit_is_refused_before_placement(tmp_path):
    board = replace(BOARD, device=replace(ECP5_25F, name="small", lut4=500))
    with pytest.raises(FitError, match=r"does not fit small: needs lut4 \d+ of 500; choose"):
        build(board, tmp_path)
    assert not list(tmp_path.glob("*.seed*"))


def test_every_resource_is_checked():
    cells = {"LUT4": 10, "CCU2C": 5, "TRELLIS_FF": 7, "DP16KD": 60, "MULT18X18D": 29}
    with pytest.raises(FitError, match=r"bram 60 of 56, dsp 29 of 28"):
        check_fit("this", cells, ECP5_25F)
    assert check_fit("this", cells | {"DP16KD": 56, "MULT18X18D": 28}, ECP5_25F)["lut4"] == {
        "needed": 20, "available": 24288}  # fmt: skip


@pytest.mark.parametrize("mhz", [50, 62.5, 65, 70, 75, 80, 100])
def test_pll_dividers_are_ecppll_s(mhz, tmp_path):
    run([find_tool("ecppll"), "-i", "25", "-o", f"{mhz:g}", "--file", "pll.v"], tmp_path, "ecppll")
    text = (tmp_path / "pll.v").read_text()
    theirs = [int(re.search(rf"\.{name}_DIV\((\d+)\)", text).group(1))
              for name in ("CLKI", "CLKFB", "CLKOP")]  # fmt: skip
    assert pll_dividers(25e6, mhz * 1e6) == Dividers(*theirs)


def test_a_frequency_out_of_reach_is_refused():
    with pytest.raises(ToolError, match="no PLL setting gives 1 MHz from 25 MHz"):
        pll_dividers(25e6, 1e6)
    for mhz in (50, 30, 20, 100):
        with pytest.raises(ToolError, match=f"{mhz} MHz is not 50 MHz halved; choose 25 or 12.5"):
            HalvedClock(Signal(), 50e6, mhz * 1e6)


class Halved(Elaboratable):
    """A clock made from the domain ``input``, with its signals."""

    def __init__(self, halvings: int) -> None:
        self.clock, self.reset, self._halvings = Signal(), Signal(), halvings

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains.input = ClockDomain(reset_less=True)
        m.domains.sync = ClockDomain()
        m.submodules += HalvedClock(ClockSignal("input"), 50e6, 50e6 / (1 << self._halvings))
        m.d.comb += [self.clock.eq(ClockSignal("sync")), self.reset.eq(ResetSignal("sync"))]
        return m


@pytest.mark.parametrize("halvings", [1, 2])
def test_a_halved_clock_and_its_reset(halvings):
    design, seen = Halved(halvings), []

    async def watch(ctx):
        for _ in range((RESET_CYCLES + 8) << halvings):
            await ctx.tick("input")
            seen.append((ctx.get(design.clock), ctx.get(design.reset)))

    simulator = Simulator(design)
    simulator.add_clock(1 / 50e6, domain="input")
    simulator.add_testbench(watch)
    simulator.run()
    edges = [i for i in range(1, len(seen)) if seen[i][0] > seen[i - 1][0]]
    assert {b - a for a, b in pairwise(edges)} == {1 << halvings}
    resets = [seen[i][1] for i in edges]
    assert resets == sorted(resets, reverse=True)
    assert abs(sum(resets) - RESET_CYCLES) <= 2 and not resets[-1]
