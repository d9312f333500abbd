"""Where an ECP5 has its block RAMs and multipliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RAM, MULTIPLIER = "DP16KD", "MULT18X18D"
COLUMNS = {
    RAM: ((0, "EBR0"), (2, "EBR1"), (4, "EBR2"), (6, "EBR3")),
    MULTIPLIER: ((0, "MULT18_0"), (1, "MULT18_1"), (4, "MULT18_4"), (5, "MULT18_5")),
}
"""Cell to its sites in a unit of nine columns: distance from the unit's first, and name."""


@dataclass(frozen=True)
class Grid:
    """The tiles of a device, as nextpnr counts them.

    Parameters
    ----------
    width, height : int
        Tiles.
    units : tuple of int
        First column of every unit of nine that has block RAMs and multipliers.
    ram_rows, multiplier_rows : tuple of int
        Rows of tiles that hold them, and no logic.
    """

    width: int
    height: int
    units: tuple[int, ...]
    ram_rows: tuple[int, ...]
    multiplier_rows: tuple[int, ...]

    def sites(self, cell: str) -> tuple[list[str], NDArray[np.float64]]:
        """Names, and positions in tiles, of the sites of `RAM` or `MULTIPLIER`."""
        rows = {RAM: self.ram_rows, MULTIPLIER: self.multiplier_rows}[cell]
        found = [
            (f"X{unit + column}/Y{row}/{name}", (unit + column, row))
            for row in rows
            for unit in self.units
            for column, name in COLUMNS[cell]
        ]
        return [name for name, _ in found], np.array([at for _, at in found], float)
