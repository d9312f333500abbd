"""What a device has, and whether a netlist fits it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from bitstreams.families import ECP5, GW5A, Family
from bitstreams.floorplan.grid import Grid, ecp5_grid, gw5a_grid

USABLE = 0.97
"""Share of the LUT sites that placement can fill."""


class FitError(Exception):
    """A netlist that the device cannot hold: resource, needed, available."""


@dataclass(frozen=True)
class Device:
    """A device; figures from data sheets (FPGA-DS-02012 for ECP5, DS1104 for GW5AST).

    Parameters
    ----------
    family : Family
    name : str
        Part.
    lut4, ff, bram, dsp : int
        LUT sites, flip-flops, block RAMs of 18 kbit, multipliers that the tools use.
    grid : Grid
        Where its RAMs and multipliers are.
    """

    family: Family
    name: str
    lut4: int
    ff: int
    bram: int
    dsp: int
    grid: Grid

    def resources(self) -> dict[str, int]:
        """Resource to how many there are."""
        return {"lut4": self.lut4, "ff": self.ff, "bram": self.bram, "dsp": self.dsp}


# As nextpnr names the sites of the cells that it places.
GRID_25F = ecp5_grid(73, 50, (4, 13, 22, 33, 42, 51, 60), (25, 37), (13,))
GRID_45F = ecp5_grid(91, 71, (4, 13, 22, 31, 42, 51, 60, 69, 78), (10, 34, 58), (22, 46))
GRID_85F = ecp5_grid(
    126, 95, tuple(range(4, 59, 9)) + tuple(range(69, 115, 9)), (22, 46, 70, 82), (10, 34, 58)
)
_HALVES = (range(7, 83, 3), range(97, 173, 3))
GRID_138 = gw5a_grid(
    182,
    109,
    {
        9: (range(1, 179, 3),),
        27: _HALVES,
        45: (range(4, 176, 3),),
        63: (range(4, 176, 3),),
        81: _HALVES,
        99: (range(1, 179, 3),),
    },
    (18, 36, 54, 72, 90),
)
ECP5_25F = Device(ECP5, "LFE5U-25F", 24288, 24288, 56, 28, GRID_25F)
ECP5_45F = Device(ECP5, "LFE5U-45F", 43848, 43848, 108, 72, GRID_45F)
ECP5_85F = Device(ECP5, "LFE5U-85F", 83640, 83640, 208, 156, GRID_85F)
GW5AST_138 = Device(GW5A, "GW5AST-138", 138240, 138240, 340, 298, GRID_138)


def needed(cells: Counter[str] | dict[str, int], family: Family) -> dict[str, int]:
    """Resources that the cells of a netlist take, before placement."""
    return {"lut4": sum(count * cells.get(cell, 0) for cell, count in family.sites.items())} | {
        name: sum(cells.get(cell, 0) for cell in those) for name, those in family.resources.items()
    }


def check_fit(name: str, cells: Counter[str] | dict[str, int], device: Device) -> dict[str, Any]:
    """What is needed and available of every resource.

    Raises
    ------
    FitError
        For a resource of which more is needed than there is.
    """
    takes, has = needed(cells, device.family), device.resources()
    limits = has | {"lut4": int(USABLE * has["lut4"])}
    over = [f"{n} {takes[n]:,} of {has[n]:,}" for n in has if takes[n] > limits[n]]
    if over:
        raise FitError(
            f"{name} does not fit {device.name}: needs {', '.join(over)}; choose a smaller "
            "configuration or a larger device"
        )
    return {n: {"needed": takes[n], "available": has[n]} for n in has}
