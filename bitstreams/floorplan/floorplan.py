"""Block RAMs and multipliers to sites, by turns of spreading and assignment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bitstreams.families import Family
from bitstreams.floorplan.copies import MOST, copy_drivers
from bitstreams.floorplan.graph import Graph
from bitstreams.floorplan.grid import Grid, Sites
from bitstreams.floorplan.spread import Spread

STEPS = 600
FREE = STEPS // 4
"""Steps before the first assignment."""
EVERY = 10
"""Steps between assignments."""
SMOOTH = (8.0, 1.5)
"""Tiles over which wire length is smooth, first and last."""
REACH = 4.0
"""Tiles from its site within which the pull on a cell weakens."""


def floorplan(
    netlist: Path,
    planned: Path,
    top: str,
    family: Family,
    grid: Grid,
    seed: int,
    report: Callable[[str], None] = lambda _: None,
) -> None:
    """Write a netlist in which every block RAM and multiplier has its site.

    What drives block RAMs all over the device has copies in it, each for a neighbourhood.  The
    same for the same netlist, grid and seed.  Takes about 20 s for 57,000 cells.

    Parameters
    ----------
    netlist, planned : Path
        Yosys's JSON of a flat, mapped design, and what becomes of it: nextpnr takes the attribute
        ``BEL`` for the site.
    top : str
        Its module.
    family : Family
    grid : Grid
        At least as many sites as the netlist has cells for them.
    seed : int
        Of the placement that it starts from.
    """
    design = json.loads(netlist.read_text())
    cells = design["modules"][top]["cells"]
    graph = Graph.of(cells, family)
    hard = {kind: found for kind in grid.kinds if len(found := graph.cells_of(kind.cells))}
    placed = _place(graph, grid, seed, hard, report) if hard else {}
    for kind, chosen in placed.items():
        sites = kind.names
        for cell, site in zip(hard[kind], chosen, strict=True):
            cells[graph.names[cell]].setdefault("attributes", {})["BEL"] = sites[site]
    if (rams := grid.rams) in placed:
        names = [graph.names[cell] for cell in hard[rams]]
        at = dict(zip(names, rams.at[placed[rams]], strict=True))
        copies = copy_drivers(cells, at, family.drivers)
        report(f"floorplan: {copies} copies of what drives more than {MOST} {rams.kind}")
    planned.write_text(json.dumps(design))


def _place(
    graph: Graph,
    grid: Grid,
    seed: int,
    hard: dict[Sites, NDArray[np.int64]],
    report: Callable[[str], None],
) -> dict[Sites, NDArray[np.int64]]:
    """The site of every hard cell, by kind.

    Cells are free at first; then they are pulled to the sites of the cheapest assignment, which is
    made anew as they move, ever harder.
    """
    spread = Spread(graph, grid, seed)
    sites = {kind: kind.at for kind in hard}
    held = np.concatenate(list(hard.values()))
    pins = spread.pins[held][:, None]
    pull, target, chosen = np.zeros((len(held), 2)), None, {}
    for step, smooth in enumerate(np.geomspace(*SMOOTH, STEPS)):
        if step >= FREE and step % EVERY == 0:
            chosen = {
                kind: _assign(spread.cells[where], spread.pins[where], sites[kind])
                for kind, where in hard.items()
            }
            target = np.concatenate([sites[kind][chosen[kind]] for kind in hard])
        if target is not None:
            strength = 0.02 * 1.09 ** ((step - FREE) // EVERY)
            pull = strength * pins * np.tanh((spread.cells[held] - target) / REACH)
        spread.step(smooth, 0.5 if step < 0.8 * STEPS else 0.25, held, pull)
    away = np.abs(spread.cells[held] - target).sum(axis=1).mean()
    spread.cells[held] = target
    placed = ", ".join(f"{len(where)} {kind.kind}" for kind, where in hard.items())
    report(
        f"floorplan: {placed}, moved {away:.1f} tiles to their sites; "
        f"wires {graph.wires(spread.cells):,.0f} tiles"
    )
    return chosen


def _assign(
    at: NDArray[np.float64], pins: NDArray[np.float64], sites: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Of each cell at `at` the site, so that distances times pins are least in all."""
    cost = np.abs(at[:, None] - sites[None]).sum(axis=2) * pins[:, None]
    return linear_sum_assignment(cost)[1]
