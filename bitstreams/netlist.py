"""From Amaranth's RTLIL to a mapped netlist, and what it is made of."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitstreams.families import CHAIN, Carry, Family
from bitstreams.tools import ToolError, find_tool, run

KEPT = "*.control_*"
"""Modules whose hierarchy is kept while mapping: Yosys would merge the rows' equal registers."""
EITHER = "r:MEMID=*either_*"
"""Memories in which a read that meets a write may give either content, :mod:`hw.memory.port`."""


def script(family: Family, source: str, top: str, outputs: str) -> str:
    """The Yosys script of a synthesis, names of the hierarchy kept.

    Cells are named after the signals they drive in place of Yosys's own naming of every cell, which
    takes a third of its time and more.
    """
    read = "read_rtlil" if source.endswith(".il") else "read_verilog"
    return (
        f"{read} {source}; setattr -mod -set keep_hierarchy 1 {KEPT}; "
        f"setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 {EITHER} %i; "
        f"{family.synthesis.format(top=top)}"
        "setattr -mod -unset keep_hierarchy *; flatten; rename -wire; "
        f"hierarchy -check; check -assert -noinit; blackbox =A:whitebox; {outputs}"
    )


def synthesise(
    family: Family,
    source: str,
    top: str,
    folder: Path,
    *,
    outputs: str | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> str:
    """Synthesise `folder`/`source` into ``TOP.json``; returns the command.

    Parameters
    ----------
    outputs : str
        Yosys commands that write the netlist; ``write_json TOP.json`` by default.

    Raises
    ------
    ToolError
        Yosys is missing, failed, or wrote nothing.
    """
    netlist = folder / f"{top}.json"
    netlist.unlink(missing_ok=True)
    for path in family.files:
        shutil.copyfile(path, folder / path.name)
    # Yosys logs to a file: YoWASP loses its standard output once ABC has run.
    log = f"{top}.yosys.log"
    text = script(family, source, top, outputs or f"write_json {top}.json")
    command = run([find_tool("yosys"), "-q", "-l", log, "-p", text], folder, log, report)
    if outputs is None and not netlist.exists():
        raise ToolError(f"yosys wrote no netlist; see {folder / log}")
    return command


@dataclass(frozen=True)
class Cell:
    """A mapped cell: its type, and the component that it comes from, a dotted path.

    `begins_chain`: a carry cell without another one in front.
    """

    type: str
    component: str
    begins_chain: bool


def read_cells(netlist: Path, top: str, carry: Carry) -> list[Cell]:
    """Every cell of a flat netlist; one without a name belongs to the first that it feeds."""
    cells = json.loads(netlist.read_text())["modules"][top]["cells"]
    scopes = {name for name, cell in cells.items() if cell["type"] == "$scopeinfo"}
    carries = [cell["connections"] for cell in cells.values() if cell["type"] == carry.cell]
    carried = {bit for pins in carries for bit in pins[carry.out]}
    named = _fed(cells)
    return [
        Cell(
            cell["type"],
            component(named.get(name, name), scopes),
            cell["type"] == carry.cell and carried.isdisjoint(cell["connections"][carry.into]),
        )
        for name, cell in cells.items()
        if not cell["type"].startswith("$")
    ]


def _fed(cells: dict[str, Any]) -> dict[str, str]:
    """Of every cell without a name of its own, the first named one that it leads to."""
    drivers: dict[int, str] = {}
    for name, cell in cells.items():
        if name.startswith("$"):
            for pin, bits in cell["connections"].items():
                if cell["port_directions"][pin] == "output":
                    drivers |= dict.fromkeys(bits, name)
    found: dict[str, str] = {}
    front = [name for name in cells if not name.startswith("$")]
    while front:
        following = []
        for name in front:
            directions = cells[name]["port_directions"]
            for pin, bits in cells[name]["connections"].items():
                for bit in bits if directions[pin] == "input" else ():
                    driver = drivers.get(bit)
                    if driver is not None and driver not in found:
                        found[driver] = found.get(name, name)
                        following.append(driver)
        front = following
    return found


def totals(cells: list[Cell]) -> Counter[str]:
    """Cells by type, and `CHAIN`: the carry chains that they make."""
    chains = sum(cell.begins_chain for cell in cells)
    return Counter(cell.type for cell in cells) + Counter({CHAIN: chains})


def component(name: str, scopes: set[str]) -> str:
    """The innermost of `scopes` that a dotted name lies in, or nothing: the top."""
    while name and name not in scopes:
        name = name.rpartition(".")[0]
    return name


def by_component(cells: list[Cell], depth: int) -> dict[str, Counter[str]]:
    """Cells by type of every component down to `depth`, as mapping has named them."""
    parts: dict[str, Counter[str]] = {}
    for cell in cells:
        name = ".".join(cell.component.split(".")[:depth]) or "top"
        parts.setdefault(name, Counter())[cell.type] += 1
    return parts
