"""Where a device has its block RAMs and multipliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitstreams.families import ECP5, GW5A


@dataclass(frozen=True)
class Sites:
    """Places of one kind: any of `cells` may lie in each.

    Parameters
    ----------
    kind : str
        What the device's maker calls them.
    cells : tuple of str
        Types in the netlist.
    places : tuple of (str, int, int)
        Name as nextpnr's attribute ``BEL`` takes it, x and y in tiles.
    """

    kind: str
    cells: tuple[str, ...]
    places: tuple[tuple[str, int, int], ...]

    @property
    def names(self) -> list[str]:
        """The names alone."""
        return [name for name, _, _ in self.places]

    @property
    def at(self) -> NDArray[np.float64]:
        """Positions, shape (places, 2)."""
        return np.array([where for _, *where in self.places], float)


@dataclass(frozen=True)
class Grid:
    """The tiles of a device, as nextpnr counts them.

    Parameters
    ----------
    width, height : int
        Tiles.
    rams : Sites
    multipliers : Sites or None
        None where nextpnr itself has to place them.
    dark_rows : tuple of int
        Rows of tiles without logic.
    """

    width: int
    height: int
    rams: Sites
    multipliers: Sites | None
    dark_rows: tuple[int, ...]

    @property
    def kinds(self) -> tuple[Sites, ...]:
        """What the floorplan places."""
        return (self.rams, self.multipliers) if self.multipliers else (self.rams,)


_ECP5_RAMS = ((0, "EBR0"), (2, "EBR1"), (4, "EBR2"), (6, "EBR3"))
_ECP5_MULTIPLIERS = ((0, "MULT18_0"), (1, "MULT18_1"), (4, "MULT18_4"), (5, "MULT18_5"))


def ecp5_grid(
    width: int,
    height: int,
    units: tuple[int, ...],
    ram_rows: tuple[int, ...],
    multiplier_rows: tuple[int, ...],
) -> Grid:
    """An ECP5's: `units` are the first columns of every nine that have RAMs and multipliers."""

    def sites(kind: str, columns: tuple[tuple[int, str], ...], rows: tuple[int, ...]) -> Sites:
        places = tuple(
            (f"X{unit + column}/Y{row}/{name}", unit + column, row)
            for row in rows
            for unit in units
            for column, name in columns
        )
        (cell,) = ECP5.resources[kind]
        return Sites(cell, (cell,), places)

    return Grid(
        width,
        height,
        sites("bram", _ECP5_RAMS, ram_rows),
        sites("dsp", _ECP5_MULTIPLIERS, multiplier_rows),
        ram_rows + multiplier_rows,
    )


def gw5a_grid(
    width: int,
    height: int,
    ram_rows: dict[int, tuple[range, ...]],
    multiplier_rows: tuple[int, ...],
) -> Grid:
    """A GW5A's: `ram_rows` are columns of RAMs by row.

    A multiplier is a cluster of cells in nextpnr, of which it binds only one to a site.
    """
    places = tuple(
        (f"X{column}Y{row}/BSRAM", column, row)
        for row, parts in ram_rows.items()
        for columns in parts
        for column in columns
    )
    rams = Sites("BSRAM", GW5A.resources["bram"], places)
    return Grid(width, height, rams, None, (*ram_rows, *multiplier_rows))
