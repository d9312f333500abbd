"""Netlists as Verilog, to be simulated in the place of the RTL that they were made from."""

from __future__ import annotations

import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from bitstreams.families import ECP5, Family
from bitstreams.netlist import synthesise
from bitstreams.tools import find_tool, run
from sim.build import verilog


def netlist_verilog(component: wiring.Component, name: str, family: Family = ECP5) -> str:
    """The mapped netlist of a component, a module of the same name and ports.

    From RTLIL, as a board's: what is said of memories there (`bitstreams.netlist`) holds here.
    Simulate it together with `family.cells`: :func:`sources`.

    Raises
    ------
    ToolError
        Yosys is missing or failed.
    """
    with tempfile.TemporaryDirectory(prefix="bvit-netlist-") as folder:
        work = Path(folder)
        (work / f"{name}.il").write_text(rtlil.convert(component, name=name, emit_src=False))
        outputs = f"delete t:$scopeinfo; write_verilog -noattr -noexpr {name}.netlist.v"
        synthesise(family, f"{name}.il", name, work, outputs=outputs)
        return (work / f"{name}.netlist.v").read_text()


def prove_equal(component: wiring.Component, name: str) -> None:
    """Let Yosys prove that the netlist of a component equals its RTL, in any state, by induction.

    For pipelines without memories; the cells are Yosys's own models here.

    Raises
    ------
    ToolError
        A register or output is not proven equal.
    """
    with tempfile.TemporaryDirectory(prefix="bvit-equal-") as folder:
        work = Path(folder)
        (work / f"{name}.v").write_text(verilog(component, name))
        script = (
            f"read_verilog {name}.v; hierarchy -top {name}; proc; flatten; opt_clean; "
            f"equiv_opt -assert -map {ECP5.equal_cells} "
            f"{ECP5.synthesis.format(top=name)}"
        )
        run([find_tool("yosys"), "-q", "-l", "equal.log", "-p", script], work, "equal.log")


def sources(
    name: str, text: str, family: Family = ECP5, *, garbage: bool = False
) -> dict[str, str]:
    """File name to text of a netlist and its cells, for :func:`sim.build.build_simulator`.

    With `garbage` a block RAM's read that meets a write of its word shows the complement.
    """
    define = "`define COLLISIONS_SHOW_GARBAGE\n" if garbage else ""
    return {f"{name}.v": text, family.cells.name: define + family.cells.read_text()}
