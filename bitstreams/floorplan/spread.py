"""Global placement by gradient: short wires against charges that repel (ePlace).

Wire length is the weighted average of Hsu, Chang and Balabanov (DAC 2011), smooth in the cells'
positions.  LUT sites and flip-flops are charges, in a field of their own each, whose potential
solves Poisson's equation on the grid of tiles (Lu et al., ePlace, TODAES 2015); fillers without
wires take what room the target leaves.  Steps are Adam's (Kingma and Ba, 2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from bitstreams.floorplan.graph import Graph
from bitstreams.floorplan.grid import Grid

UTILISATION = 0.7
"""Share of a tile's sites that cells and fillers take: nextpnr's static placer's own."""
SITES = 8
"""LUT sites, and flip-flops, of a tile; a filler takes as many."""
GRAIN = 1024
"""Positions are multiples of a tile / GRAIN, so that the last bits of a processor's exponential
do not decide."""


class Spread:
    """Positions of all cells, a step at a time.

    Parameters
    ----------
    graph : Graph
    grid : Grid
    seed : int
        Of where cells and fillers begin.

    Attributes
    ----------
    at : ndarray, shape (cells + fillers, 2)
        x and y in tiles.
    overfull : float
        Share of the LUT sites, or of the flip-flops where more, that lies beyond a tile's room.
    """

    def __init__(self, graph: Graph, grid: Grid, seed: int) -> None:
        self._grid = grid
        self._joins, self._cells = graph.joins, graph.joins.T.tocsr()
        self.pins = np.asarray(graph.joins.sum(axis=0)).ravel()
        self._dark = np.zeros((grid.height, grid.width))
        self._dark[list(grid.dark_rows)] = SITES * UTILISATION
        room = (grid.width * grid.height * SITES - np.count_nonzero(self._dark) * SITES) * (
            UTILISATION
        )
        fillers = [max(int((room - area.sum()) / SITES), 0) for area in graph.areas]
        generator = np.random.default_rng(seed)
        size = np.array([grid.width, grid.height])
        self._count, self._centre = len(graph.names), size / 2
        self.at = np.concatenate(
            [
                self._centre + generator.normal(0, 2, (self._count, 2)),
                generator.uniform(0, 1, (sum(fillers), 2)) * size,
            ]
        )
        areas = np.zeros((2, len(self.at)))
        areas[:, : self._count] = graph.areas
        areas[0, self._count : self._count + fillers[0]] = SITES
        areas[1, self._count + fillers[0] :] = SITES
        self._areas, self._size = areas, areas.sum(axis=0)
        self._charged = [np.flatnonzero(area) for area in areas]
        y, x = np.mgrid[: grid.height, : grid.width]
        self._poisson = (np.pi * y / grid.height) ** 2 + (np.pi * x / grid.width) ** 2
        self._poisson[0, 0] = np.inf
        self._mean, self._square = np.zeros_like(self.at), np.zeros_like(self.at)
        self._steps, self._weight = 0, 0.0
        self.overfull = 1.0

    @property
    def cells(self) -> NDArray[np.float64]:
        """Positions without the fillers'."""
        return self.at[: self._count]

    def step(
        self, smooth: float, rate: float, held: NDArray[np.int64], pull: NDArray[np.float64]
    ) -> None:
        """Move everything once.

        Parameters
        ----------
        smooth : float
            Tiles over which the wire length is smooth; down to it falls the error.
        rate : float
            Tiles that a typical cell moves.
        held : ndarray
            Cells that are pulled besides.
        pull : ndarray, shape (held, 2)
            Their gradient.
        """
        wires, charges = self._wires(smooth), self._charges()
        if not self._weight:
            self._weight = 0.02 * np.abs(wires).sum() / np.abs(charges[: self._count]).sum()
        gradient = charges * self._weight
        gradient[: self._count] += wires
        gradient[held] += pull
        inertia = self._weight * self._size
        inertia[: self._count] += self.pins
        gradient /= np.maximum(inertia, 1)[:, None]
        self._steps += 1
        self._mean += 0.1 * (gradient - self._mean)
        self._square += 0.01 * (gradient**2 - self._square)
        spread = np.sqrt((self._square / (1 - 0.99**self._steps)).mean())
        move = rate * self._mean / (1 - 0.9**self._steps) / (spread + 1e-12)
        self.at -= np.clip(move, -3, 3)
        self.at = np.round(self.at * GRAIN) / GRAIN
        np.clip(self.at, 0.5, 2 * self._centre - 0.5, out=self.at)
        if self.overfull > 0.08:
            self._weight *= 1.015

    def _wires(self, smooth: float) -> NDArray[np.float64]:
        """Gradient of the smooth wire length."""
        z = (self.cells - self._centre) / smooth
        up, down = np.exp(z), np.exp(-z)
        sums = self._joins @ np.concatenate([up, up * z, down, down * z], axis=1)
        su, sz, du, dz = np.split(sums, 4, axis=1)
        back = self._cells @ np.concatenate([1 / su, sz / su**2, 1 / du, dz / du**2], axis=1)
        bu, bz, cu, cz = np.split(back, 4, axis=1)
        return up * ((1 + z) * bu - bz) - down * ((1 - z) * cu + cz)

    def _charges(self) -> NDArray[np.float64]:
        """Gradient of the charges' energy; measures how overfull tiles are."""
        gradient, self.overfull = np.zeros_like(self.at), 0.0
        width = self._grid.width
        for cells, areas in zip(self._charged, self._areas, strict=True):
            area = areas[cells]
            place = np.clip(self.at[cells] - 0.5, 0, 2 * self._centre - 1.001)
            corner = place.astype(int)
            (fx, fy), (x, y) = (place - corner).T, corner.T
            tile = y * width + x
            parts = {0: (1 - fx) * (1 - fy), 1: fx * (1 - fy), width: (1 - fx) * fy}
            parts[width + 1] = fx * fy
            density = sum(
                np.bincount(tile + to, area * share, self._dark.size) for to, share in parts.items()
            )
            self.overfull = max(self.overfull, np.maximum(density - SITES, 0).sum() / area.sum())
            spectrum = dctn(density.reshape(self._dark.shape) + self._dark, norm="ortho")
            potential = idctn(spectrum / self._poisson, norm="ortho").ravel()
            a, b, c, d = (potential[tile + to] for to in (0, 1, width, width + 1))
            gradient[cells, 0] += area * ((b - a) * (1 - fy) + (d - c) * fy)
            gradient[cells, 1] += area * ((c - a) * (1 - fx) + (d - b) * fx)
        return gradient
