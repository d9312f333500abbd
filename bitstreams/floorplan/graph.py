"""A netlist as arrays: which cells a net joins, and what room they take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from bitstreams.families import Family

CLOCKS = ("CLK", "CLKA", "CLKB", "CLK0", "CLK1", "CLK2", "CLK3", "WCK", "SCLK", "ECLK")
"""Pins on the clock network: distance costs nothing."""
FAN_OUT = 1000
"""Nets of more pins span the device wherever their cells lie."""


@dataclass(frozen=True)
class Graph:
    """Cells and nets of a flat netlist.

    Attributes
    ----------
    names, types : list of str
        Of the cells.
    joins : csr_array, shape (nets, cells)
        1 where a net has a pin of a cell.
    areas : ndarray, shape (2, cells)
        LUT sites and flip-flops that a cell takes.
    """

    names: list[str]
    types: list[str]
    joins: csr_array
    areas: NDArray[np.float64]

    @classmethod
    def of(cls, cells: dict[str, Any], family: Family) -> Graph:
        """The graph of a module's cells, as Yosys writes them in JSON."""
        names, types = list(cells), [cell["type"] for cell in cells.values()]
        pins = [
            (bit, index)
            for index, cell in enumerate(cells.values())
            for pin, bits in cell["connections"].items()
            if pin not in CLOCKS
            for bit in bits
            if isinstance(bit, int)
        ]
        net, cell = np.unique(np.array(pins).reshape(-1, 2), axis=0).T
        _, net, count = np.unique(net, return_inverse=True, return_counts=True)
        wanted = (count >= 2) & (count <= FAN_OUT)
        number = np.cumsum(wanted) - 1
        net, cell = number[net[wanted[net]]], cell[wanted[net]]
        joins = csr_array((np.ones(len(net)), (net, cell)), shape=(wanted.sum(), len(names)))
        flip_flops = family.resources["ff"]
        areas = [[family.sites.get(t, 0) for t in types], [t in flip_flops for t in types]]
        return cls(names, types, joins, np.array(areas, float))

    def cells_of(self, kinds: tuple[str, ...]) -> NDArray[np.int64]:
        """Indices of the cells of these types."""
        return np.flatnonzero([t in kinds for t in self.types])

    def wires(self, at: NDArray[np.float64]) -> float:
        """Half the perimeter of every net's rectangle, in tiles, with cells at (x, y) `at`."""
        pins, starts = at[self.joins.indices], self.joins.indptr[:-1]
        low, high = np.minimum.reduceat(pins, starts), np.maximum.reduceat(pins, starts)
        return float((high - low).sum())
