"""Route the bare systolic array on an ECP5-85F: area, clock, operations per LUT.

``python -m bitstreams.route_array`` from the root of the repository.
The array stands in a harness of five pins: a shift register gives every input, a registered tree
of XORs takes every output, so nothing is optimised away and no path to a pin counts.  All figures
include the harness, whose own size the report names.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from amaranth.hdl import Cat, ClockDomain, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bitstreams.families.ecp5 import PLACE_AND_ROUTE, SYNTHESIS
from bitstreams.netlist import KEPT
from bitstreams.tools import ToolError, find_tool, run, version
from hw.array.element import Element
from hw.array.popcount import Popcount
from hw.array.systolic import SystolicArray
from hw.spec.configuration import Configuration, ConfigurationError, find_configuration
from sim.build import verilog

DEVICE = ("--85k", "--package", "CABGA381", "--speed", "6")
DEVICE_NAME = "LFE5U-85F CABGA381, speed grade 6"
HEADER = ("| array | MAC | LUT | LUT a MAC | LUT sites after packing | FF | Fmax "
          "| 2 x MAC x Fmax per kLUT4 |")  # fmt: skip
CELLS = {"LUT4": "lut4", "CCU2C": "ccu2c", "PFUMX": "pfumx", "L6MUX21": "l6mux21",
         "TRELLIS_FF": "ff", "DP16KD": "dp16kd", "MULT18X18D": "mult18x18d"}  # fmt: skip


class Harness(wiring.Component):
    """The array between one input pin and one output pin; `luts` and `ffs` are the rest."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.luts = self.ffs = 0
        super().__init__({"clk": In(1), "reset": In(1), "advance": In(1), "serial": In(1),
                          "parity": Out(1)})  # fmt: skip

    def elaborate(self, platform) -> Module:  # noqa: D102
        m = Module()
        m.domains.sync = sync = ClockDomain(reset_less=True)
        m.d.comb += sync.clk.eq(self.clk)
        reset = Signal()
        array = SystolicArray(self._configuration)
        m.submodules.array = ResetInserter(reset)(array)

        inputs = Cat(array.row.as_value(), array.column.as_value(), array.mute,
                     array.control.as_value(), array.token)  # fmt: skip
        shift = Signal(len(inputs))
        m.d.sync += reset.eq(self.reset)
        m.d.comb += inputs.eq(shift)
        self.ffs = 1 + len(shift)
        # An enable a 64 bits: without one, Yosys merges a bit with the array's delays of the last.
        following, advance = Cat(self.serial, shift), self.advance
        for i in range(0, len(shift), 64):
            enable = Signal(name=f"enable{i}")
            m.d.sync += enable.eq(advance)
            with m.If(enable):
                m.d.sync += shift[i : i + 64].eq(following[i : i + 64])
            advance, self.ffs = enable, self.ffs + 1

        level = array.result.as_value()
        while len(level) > 1:
            groups = [level[i : i + 4] for i in range(0, len(level), 4)]
            level = Signal(len(groups), name=f"parity{len(groups)}")
            m.d.sync += level.eq(Cat(group.xor() for group in groups))
            self.luts, self.ffs = self.luts + len(groups), self.ffs + len(groups)
        m.d.comb += self.parity.eq(level)
        return m


def note(line: str) -> None:
    """Show progress."""
    print(line, file=sys.stderr, flush=True)


def synthesise(yosys: str, component: wiring.Component, name: str, folder: Path) -> str:
    """Run ``synth_ecp5`` and leave ``name.json``; returns the command."""
    (folder / f"{name}.v").write_text(verilog(component, name))
    (folder / f"{name}.json").unlink(missing_ok=True)
    # Yosys logs to a file: YoWASP loses its standard output once ABC has run.
    script = (f"read_verilog {name}.v; setattr -mod -set keep_hierarchy 1 {KEPT}; "
              f"synth_ecp5 {SYNTHESIS} -top {name}; "
              f"setattr -mod -unset keep_hierarchy *; flatten; write_json {name}.json")  # fmt: skip
    command = run(
        [yosys, "-q", "-l", f"{name}.yosys.log", "-p", script], folder, f"{name}.yosys.log", note
    )
    if not (folder / f"{name}.json").exists():
        raise ToolError(f"{yosys} wrote no netlist; see {folder / name}.yosys.log")
    return command


def netlist_cells(name: str, folder: Path) -> dict[str, int]:
    """Cells of a netlist; ``lut`` is LUT4 with two for each carry cell, as nextpnr counts them."""
    cells = json.loads((folder / f"{name}.json").read_text())["modules"][name]["cells"]
    count = Counter(cell["type"] for cell in cells.values())
    return {"lut": count["LUT4"] + 2 * count["CCU2C"]} | {
        key: count[kind] for kind, key in CELLS.items()}  # fmt: skip


def summarise(configuration: Configuration, harness: Harness, folder: Path) -> tuple[dict, str]:
    """The report and the table of what nextpnr and Yosys left in `folder`."""
    routed = json.loads((folder / "array.nextpnr.json").read_text())
    used = routed["utilization"]
    (clock,) = routed["fmax"].values()
    array, fmax = netlist_cells("array", folder), clock["achieved"]
    macs, sites, ff = configuration.macs_per_cycle, used["TRELLIS_COMB"]["used"], array["ff"]
    gops = [2 * macs * fmax / luts for luts in (array["lut"], sites)]  # 10^6 / (10^9 * 10^-3)
    report = {
        "configuration": configuration.name,
        "device": DEVICE_NAME,
        "macs_per_cycle": macs,
        "processing_elements": configuration.rows * configuration.columns,
        "lut": array["lut"],
        "lut_per_mac": round(array["lut"] / macs, 3),
        "lut_sites_after_packing": sites,
        "lut_sites_of_device": used["TRELLIS_COMB"]["available"],
        "ff": used["TRELLIS_FF"]["used"],
        "ccu2c": array["ccu2c"],
        "block_ram": used["DP16KD"]["used"],
        "multipliers": used["MULT18X18D"]["used"],
        "fmax_mhz": round(fmax, 2),
        "gops_per_klut": round(gops[0], 1),
        "gops_per_klut_after_packing": round(gops[1], 1),
        "of_which_harness": {"lut": harness.luts, "ff": harness.ffs},
        "cells": {name: netlist_cells(name, folder) for name in ("array", "element", "popcount")},
    }
    row = (f"| {configuration.name} | {macs} | {array['lut']:,} | {array['lut'] / macs:.2f} "
           f"| {sites:,} | {ff:,} | {fmax:.0f} MHz | {gops[0]:.0f} GOPS |")  # fmt: skip
    return report, "\n".join((HEADER, "|---" * 8 + "|", row))


def main() -> None:
    """Elaborate, synthesise, route, report."""
    parser = argparse.ArgumentParser(description="Route the bare systolic array on an ECP5-85F.")
    parser.add_argument("--config", default="7x16x64-l32", help="accelerator configuration")
    parser.add_argument("--seed", type=int, default=1, help="of placement and routing")
    parser.add_argument("--freq", type=float, default=250, help="target of nextpnr in MHz")
    parser.add_argument("--out", type=Path, default=Path("bitstreams/array"), help="of the report")
    parser.add_argument("--work", type=Path, default=Path("build/array"), help="of the tools")
    options = parser.parse_args()
    folder = options.work
    try:
        configuration = find_configuration(options.config)
        yosys, nextpnr = find_tool("yosys"), find_tool("nextpnr-ecp5")
        folder.mkdir(parents=True, exist_ok=True)
        synthesise(yosys, Popcount(), "popcount", folder)
        synthesise(yosys, Element(configuration), "element", folder)
        harness = Harness(configuration)
        commands = [synthesise(yosys, harness, "array", folder)]
        route = [nextpnr, *DEVICE, *PLACE_AND_ROUTE, "--json", "array.json", "--top", "array",
                 "--freq", f"{options.freq:g}", "--timing-allow-fail", "--seed", str(options.seed),
                 "--log", "array.nextpnr.log", "--report", "array.nextpnr.json"]  # fmt: skip
        commands.append(run(route, folder, "array.nextpnr.log", note))
    except (ToolError, ConfigurationError) as error:
        sys.exit(f"route_array: {error}")

    report, table = summarise(configuration, harness, folder)
    report |= {"seed": options.seed, "tools": [version(yosys), version(nextpnr)],
               "commands": commands}  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (options.out / "report.txt").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    main()
