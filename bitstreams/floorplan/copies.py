"""Copies of what drives many block RAMs, one for each of their neighbourhoods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitstreams.floorplan.graph import CLOCKS

MOST = 13
"""Block RAMs that one copy drives."""


def copy_drivers(
    cells: dict[str, Any], sites: dict[str, NDArray[np.float64]], drivers: Mapping[str, str]
) -> int:
    """Give every LUT or flip-flop that drives more than `MOST` block RAMs copies for them.

    nextpnr's router begins a wire at the branch of its net that is nearest to where the wire ends,
    however long the way to that branch was: a net over many block RAMs is then slow at its ends.
    Copies divide such a net into short ones.  What the design does is the same.

    Parameters
    ----------
    cells : dict
        Of a flat, mapped module, as Yosys writes them in JSON; changed.
    sites : dict
        Block RAM to its position in tiles, (x, y).
    drivers : mapping
        Type of the LUTs and flip-flops, and their output.

    Returns
    -------
    int
        Number of copies.
    """
    free = 1 + max(_bits(cells), default=0)
    sinks: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
    for name in sites:
        for pin, bits in cells[name]["connections"].items():
            if pin not in CLOCKS:  # a divided clock comes from a flip-flop, and must stay one
                for place, bit in enumerate(bits):
                    sinks[bit].append((name, pin, place))
    copies = 0
    for name, cell in list(cells.items()):
        output = drivers.get(cell["type"])
        if output is None or not cell["connections"].get(output):
            continue
        driven = sinks.get(cell["connections"][output][0], [])
        rams = sorted({sink[0] for sink in driven})
        # The first neighbourhood stays with the cell itself.
        for others in _neighbourhoods(rams, sites)[1:]:
            copies += 1
            another = cells[f"{name}$copy{copies}"] = deepcopy(cell)
            another["connections"][output] = [free]
            for ram, pin, place in driven:
                if ram in others:
                    cells[ram]["connections"][pin][place] = free
            free += 1
    return copies


def _bits(cells: dict[str, Any]) -> Iterator[int]:
    """Every bit that a pin is on."""
    for cell in cells.values():
        for bits in cell["connections"].values():
            yield from (bit for bit in bits if isinstance(bit, int))


def _neighbourhoods(rams: list[str], sites: dict[str, NDArray[np.float64]]) -> list[list[str]]:
    """At most `MOST` each, by halves of the longer side."""
    if len(rams) <= MOST:
        return [rams]
    at = np.array([sites[ram] for ram in rams])
    order = np.argsort(at[:, np.argmax(np.ptp(at, axis=0))], kind="stable")
    half = len(rams) // 2
    return [
        part
        for side in (order[:half], order[half:])
        for part in _neighbourhoods([rams[i] for i in side], sites)
    ]
