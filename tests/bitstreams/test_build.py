"""The whole flow on a small design, and what stops it early."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bitstreams.boards.pll import Dividers, pll_dividers
from bitstreams.build import build
from bitstreams.device import ECP5_25F, Device, FitError, check_fit
from bitstreams.families import ECP5
from bitstreams.report import write_reports
from bitstreams.tools import ToolError, find_tool, run
from tests.bitstreams.small_board import small_board

COMMITTED = Path(__file__).parent / "small" / "report.json"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(small_board(), tmp_path_factory.mktemp("first"))


def test_the_report_is_the_committed_one(built, tmp_path):
    facts = write_reports(built, [], tmp_path)
    again = "write it anew with: python -m tests.bitstreams.small_board"
    assert facts == json.loads(COMMITTED.read_text()), again
    assert (tmp_path / "report.txt").read_text() == COMMITTED.with_suffix(".txt").read_text(), again


def test_the_report_says_what_was_routed(built, tmp_path):
    facts = write_reports(built, [], tmp_path)
    assert facts["lut4"]["used"] > 400 and facts["lut4"]["available"] == ECP5_25F.lut4
    assert facts["fmax_mhz"] > facts["clock_mhz"] == 100
    assert "not run on hardware" in (tmp_path / "report.txt").read_text()


def test_the_estimate_before_placement_is_within_1_percent(built):
    used = built.best.report["utilization"]["TRELLIS_COMB"]["used"]
    assert abs(built.fit["lut4"]["needed"] - used) <= used / 100


def test_builds_in_two_folders_are_equal(built, tmp_path):
    again = build(small_board(), tmp_path)
    assert again.digests == built.digests
    assert again.bitstream.read_bytes() == built.bitstream.read_bytes()


def test_another_seed_is_another_bitstream(built, tmp_path):
    other = build(small_board(), tmp_path, seeds=[2])
    assert other.digests["netlist"] == built.digests["netlist"]
    assert other.digests["bitstream"] != built.digests["bitstream"]


def test_what_does_not_fit_is_refused_before_placement(tmp_path):
    board = replace(small_board(), device=Device(ECP5, "small", 500, 100_000, 0, 0))
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
