"""Sites for block RAMs and multipliers: nextpnr's own, each once, and near what they feed."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from bitstreams.boards.tang_mega import TangMega138kPro
from bitstreams.device import ECP5_25F, ECP5_45F, ECP5_85F, GW5AST_138
from bitstreams.families import ECP5, GW5A
from bitstreams.floorplan import floorplan
from bitstreams.floorplan.copies import MOST, copy_drivers
from bitstreams.floorplan.graph import FAN_OUT, Graph
from bitstreams.netlist import synthesise
from bitstreams.tools import find_tool, run

RAM, MULTIPLIER = "DP16KD", "MULT18X18D"
PLACED = re.compile(r"X(\d+)/Y(\d+)/")


def cell(kind, **pins):
    return {"type": kind, "connections": {pin: [net] for pin, net in pins.items()}}


def ring(count, logic):
    """RAMs in a ring, each behind a chain of `logic` LUTs with flip-flops; a clock for all."""
    cells, net = {}, 10
    first = net
    for number in range(count):
        for step in range(logic):
            cells[f"lut{number}.{step}"] = cell("LUT4", A=net, Z=net + 1)
            cells[f"ff{number}.{step}"] = cell("TRELLIS_FF", DI=net + 1, Q=net + 2, CLK=2)
            net += 2
        last = first if number == count - 1 else net + 1
        cells[f"ram{number}"] = cell(RAM, DIA0=net, DOA0=last, CLKA=2)
        net += 1
    return cells


def write(path, cells):
    path.write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    return path


def sites(path, kind):
    """BEL of the cells of a type, in order."""
    cells = json.loads(path.read_text())["modules"]["top"]["cells"]
    return [c["attributes"]["BEL"] for c in cells.values() if c["type"] == kind]


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("ring") / "ring.json", ring(48, 12))
    floorplan(path, path, "top", ECP5, ECP5_25F.grid, 1)
    return path


def test_every_cell_has_a_site_of_its_own(planned):
    chosen = sites(planned, RAM)
    assert len(set(chosen)) == len(chosen) == 48
    assert set(chosen) <= set(ECP5_25F.grid.rams.names)


def test_neighbours_are_near(planned):
    """A ring of RAMs over the device: a step of it is a fraction of that in any order."""
    at = np.array([[int(n) for n in PLACED.match(s).groups()] for s in sites(planned, RAM)])
    random = at[np.random.default_rng(1).permutation(len(at))]

    def length(points):
        return np.abs(points - np.roll(points, 1, axis=0)).sum()

    assert length(at) < 0.5 * length(random)


def test_the_same_netlist_and_seed_give_the_same_sites(planned, tmp_path):
    netlist, again = write(tmp_path / "ring.json", ring(48, 12)), tmp_path / "again.json"
    floorplan(netlist, again, "top", ECP5, ECP5_25F.grid, 1)
    assert again.read_bytes() == planned.read_bytes()
    floorplan(netlist, again, "top", ECP5, ECP5_25F.grid, 2)
    assert again.read_bytes() != planned.read_bytes()


def sources(cells):
    """Block RAM and pin to what drives it: kind, and nets of its other pins."""
    drives = {}
    for one in cells.values():
        pins = dict(one["connections"])
        output = pins.pop({"LUT4": "Z", "TRELLIS_FF": "Q"}.get(one["type"]), [None])
        drives[output[0]] = (one["type"], tuple(sorted((p, *bits) for p, bits in pins.items())))
    return {
        (name, pin): drives.get(bits[0], bits[0])
        for name, one in cells.items()
        if one["type"] == RAM
        for pin, bits in one["connections"].items()
    }


def test_what_drives_many_rams_is_copied_for_each_neighbourhood():
    side = 6
    at = {f"ram{n}": np.array(divmod(n, side)) * 10 for n in range(side * side)}
    cells = {name: cell(RAM, CLKA=2, ADA=4, ADB=6, DOA=20 + n) for n, name in enumerate(at)}
    cells |= {f"ram{n}": cell(RAM, CLKA=2, ADA=4, ADB=7) for n in range(side, 2 * side)}
    cells["enable"] = cell("LUT4", A=3, B=9, Z=4)
    cells["address"] = cell("TRELLIS_FF", DI=4, CLK=2, Q=6)
    cells["clock"] = cell("TRELLIS_FF", DI=9, CLK=1, Q=2)
    cells["few"] = cell("TRELLIS_FF", DI=4, CLK=2, Q=7)
    cells["reader"] = cell("LUT4", A=6, Z=9)
    before = sources(cells)
    # Halves, and halves of them: 36 and 30 RAMs are four neighbourhoods each.
    assert copy_drivers(cells, at, ECP5.drivers) == 3 + 3
    assert sources(cells) == before
    assert cells["enable"]["connections"]["Z"] == [4] == cells["few"]["connections"]["DI"]
    assert cells["reader"]["connections"]["A"] == [6]
    assert all(cells[name]["connections"]["CLKA"] == [2] for name in at)
    reached = {}
    for name, place in at.items():
        reached.setdefault(cells[name]["connections"]["ADA"][0], []).append(place)
    assert len(reached) == 4
    for places in reached.values():
        assert len(places) <= MOST
        assert np.ptp(np.array(places), axis=0).max() <= 20


def test_a_netlist_without_such_cells_stays_as_it_is(tmp_path):
    path = write(tmp_path / "lut.json", {"lut": cell("LUT4", A=3, Z=4)})
    before = path.read_bytes()
    floorplan(path, path, "top", ECP5, ECP5_25F.grid, 1)
    assert path.read_bytes() == before


def test_clocks_and_nets_without_distance_do_not_pull():
    cells = {
        f"ff{n}": cell("TRELLIS_FF", CLK=2, CE=3, DI=4 + n, Q=5 + n) for n in range(FAN_OUT + 1)
    }
    graph = Graph.of(cells, ECP5)
    assert graph.joins.shape == (FAN_OUT, FAN_OUT + 1)
    assert (graph.joins.sum(axis=1) == 2).all()


def test_wires_are_half_the_perimeter():
    graph = Graph.of({"a": cell("LUT4", Z=2), "b": cell("LUT4", A=2), "c": cell("LUT4", A=2)}, ECP5)
    assert graph.wires(np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 5.0]])) == 3 + 5


def assert_placed(planned, placed, kinds):
    """nextpnr has put every cell of these types where the floorplan says."""
    planned, placed = (
        json.loads(path.read_text())["modules"]["top"]["cells"] for path in (planned, placed)
    )
    for name, one in planned.items():
        if one["type"] in kinds:
            assert placed[name]["attributes"]["NEXTPNR_BEL"] == one["attributes"]["BEL"]


@pytest.mark.parametrize(
    "option, device", [("25k", ECP5_25F), ("45k", ECP5_45F), ("85k", ECP5_85F)]
)
def test_the_sites_are_those_of_nextpnr(option, device, tmp_path):
    """All of them are taken, by the names that we give."""
    rams, multipliers = device.bram, device.dsp
    lines = [f"(* keep *) {RAM} r{n}(.CLKA(c), .DIA0(d), .DOA0(o[{n}]));" for n in range(rams)] + [
        f"(* keep *) {MULTIPLIER} m{n}(.A0(d), .B0(d), .P0(o[{rams + n}]));"
        for n in range(multipliers)
    ]
    ports = f"input c, input d, output q); wire [{rams + multipliers - 1}:0] o; assign q = ^o;"
    (tmp_path / "top.v").write_text("\n".join([f"module top({ports}", *lines, "endmodule"]))
    synthesise(ECP5, "top.v", "top", tmp_path)
    floorplan(tmp_path / "top.json", tmp_path / "top.json", "top", ECP5, device.grid, 1)
    for kind, count in zip(device.grid.kinds, (rams, multipliers), strict=True):
        assert sorted(sites(tmp_path / "top.json", kind.kind)) == sorted(kind.names)
        assert len(kind.names) == count
    command = [
        find_tool("nextpnr-ecp5"),
        f"--{option}",
        "--package",
        "CABGA381",
        "--json",
        "top.json",
    ]
    command += ["--lpf-allow-unconstrained", "--no-tmdriv", "--no-route", "--write", "placed.json"]
    run([*command, "-q"], tmp_path, "log", lambda _: None)
    assert_placed(tmp_path / "top.json", tmp_path / "placed.json", (RAM, MULTIPLIER))


def test_the_sites_of_a_gowin_are_those_of_nextpnr(tmp_path):
    """All block RAMs are taken, by the names that we give."""
    device, rams = GW5AST_138, GW5AST_138.grid.rams
    lines = [
        f"(* keep *) SDPX9B #(.BIT_WIDTH_0(36), .BIT_WIDTH_1(36)) r{n}(.CLKA(ci), .CLKB(ci), "
        f".ADA({{14{{di}}}}), .ADB({{14{{di}}}}), .DI({{36{{di}}}}), .DO(o[{n}]), .CEA(di), "
        f".CEB(di), .OCE(di), .RESET(di), .BLKSELA(3'b0), .BLKSELB(3'b0));"
        for n in range(device.bram)
    ]
    (tmp_path / "top.v").write_text(
        "\n".join(
            [
                "module top(input c, input d, output q); wire ci, di, qo;",
                f"IBUF c0(.I(c), .O(ci)); IBUF d0(.I(d), .O(di)); wire [{device.bram - 1}:0] o;",
                "OBUF q0(.I(qo), .O(q)); assign qo = ^o;",
                *lines,
                "endmodule",
            ]
        )
    )
    synthesise(GW5A, "top.v", "top", tmp_path)
    netlist = tmp_path / "top.json"
    floorplan(netlist, netlist, "top", GW5A, device.grid, 1)
    assert sorted(sites(netlist, "SDPX9B")) == sorted(rams.names) and len(set(rams.names)) == 340
    options, placed = GW5A.place(TangMega138kPro(), "top", netlist.name, 1, 25e6)
    pins = zip(("c0", "d0", "q0"), ("P16", "P15", "N16"), strict=True)
    (tmp_path / "top.cst").write_text("".join(f'IO_LOC "{io}" {pin};\n' for io, pin in pins))
    run([find_tool(GW5A.nextpnr), *options, "--no-route", "-q"], tmp_path, "log", lambda _: None)
    assert_placed(netlist, tmp_path / placed, ("SDPX9B",))
