"""What a device has, and whether a netlist fits it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from bitstreams.netlist import CHAIN

SITES = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6, CHAIN: 4}
"""LUT sites that a cell of the netlist takes: a slice holds two LUTs or one carry cell, 16 x 4 bits
of distributed RAM take two slices and one for their write port, and a carry chain begins and ends
with a carry cell of its own.  Within 1 % of what nextpnr counts after packing."""
CELLS = {"ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"}
"""Resource to the cell that takes one."""
USABLE = 0.97
"""Share of the LUT sites that placement can fill."""


class FitError(Exception):
    """A netlist that the device cannot hold: resource, needed, available."""


@dataclass(frozen=True)
class Device:
    """A device of the ECP5 family; figures from its data sheet (FPGA-DS-02012).

    Parameters
    ----------
    name : str
        Part.
    lut4, ff, bram, dsp : int
        LUT sites, flip-flops, block RAMs of 18 kbit, multipliers of 18 x 18 bits.
    """

    name: str
    lut4: int
    ff: int
    bram: int
    dsp: int

    def resources(self) -> dict[str, int]:
        """Resource to how many there are."""
        return {"lut4": self.lut4, "ff": self.ff, "bram": self.bram, "dsp": self.dsp}


ECP5_25F = Device("LFE5U-25F", 24288, 24288, 56, 28)
ECP5_45F = Device("LFE5U-45F", 43848, 43848, 108, 72)
ECP5_85F = Device("LFE5U-85F", 83640, 83640, 208, 156)


def needed(cells: Counter[str] | dict[str, int]) -> dict[str, int]:
    """Resources that the cells of a netlist take, before placement."""
    return {"lut4": sum(count * cells.get(cell, 0) for cell, count in SITES.items())} | {
        name: cells.get(cell, 0) for name, cell in CELLS.items()
    }


def check_fit(name: str, cells: Counter[str] | dict[str, int], device: Device) -> dict[str, Any]:
    """What is needed and available of every resource.

    Raises
    ------
    FitError
        For a resource of which more is needed than there is.
    """
    takes, has = needed(cells), device.resources()
    limits = has | {"lut4": int(USABLE * has["lut4"])}
    over = [f"{n} {takes[n]:,} of {has[n]:,}" for n in has if takes[n] > limits[n]]
    if over:
        raise FitError(
            f"{name} does not fit {device.name}: needs {', '.join(over)}; choose a smaller "
            "configuration or a larger device"
        )
    return {n: {"needed": takes[n], "available": has[n]} for n in has}
