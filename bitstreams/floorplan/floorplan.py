"""Block RAMs and multipliers to sites, by turns of spreading and assignment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from bitstreams.floorplan.copies import MOST, copy_drivers
from bitstreams.floorplan.graph import Graph
from bitstreams.floorplan.grid import MULTIPLIER, RAM, Grid
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
    grid : Grid
        At least as many sites as the netlist has cells for them.
    seed : int
        Of the placement that it starts from.
    """
    design = json.loads(netlist.read_text())
    cells = design["modules"][top]["cells"]
    graph = Graph.of(cells)
    kinds = [kind for kind in (RAM, MULTIPLIER) if kind in graph.types]
    hard = {kind: graph.cells_of(kind) for kind in kinds}
    sites = {kind: grid.sites(kind) for kind in kinds}
    where = {kind: at for kind, (_, at) in sites.items()}
    placed = _place(graph, grid, seed, hard, where, report) if kinds else {}
    for kind, chosen in placed.items():
        for cell, site in zip(hard[kind], chosen, strict=True):
            cells[graph.names[cell]].setdefault("attributes", {})["BEL"] = sites[kind][0][site]
    if RAM in placed:
        rams = [graph.names[cell] for cell in hard[RAM]]
        copies = copy_drivers(cells, dict(zip(rams, where[RAM][placed[RAM]], strict=True)))
        report(f"floorplan: {copies} copies of what drives more than {MOST} {RAM}")
    planned.write_text(json.dumps(design))


def _place(
    graph: Graph,
    grid: Grid,
    seed: int,
    hard: dict[str, NDArray[np.int64]],
    sites: dict[str, NDArray[np.float64]],
    report: Callable[[str], None],
) -> dict[str, NDArray[np.int64]]:
    """The site of every hard cell, by type.

    Cells are free at first; then they are pulled to the sites of the cheapest assignment, which is
    made anew as they move, ever harder.
    """
    spread = Spread(graph, grid, seed)
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
    report(
        f"floorplan: {', '.join(f'{len(where)} {kind}' for kind, where in hard.items())}, moved "
        f"{away:.1f} tiles to their sites; wires {graph.wires(spread.cells):,.0f} tiles"
    )
    return chosen


def _assign(
    at: NDArray[np.float64], pins: NDArray[np.float64], sites: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Of each cell at `at` the site, so that distances times pins are least in all."""
    cost = np.abs(at[:, None] - sites[None]).sum(axis=2) * pins[:, None]
    return linear_sum_assignment(cost)[1]
