"""Lattice ECP5: synth_ecp5, nextpnr-ecp5, ecppack."""

from __future__ import annotations

from amaranth.build import Platform

from bitstreams.families.family import CHAIN, MODELS, Carry, Family

SYNTHESIS = "-noabc9 -nowidelut"
"""Options of ``synth_ecp5``: plain ABC, and no wide multiplexers, which cost whole slices."""
PLACE_AND_ROUTE = ("--placer", "static", "--router", "router2")
"""Options of nextpnr: this placer's wires are 30 % shorter than HeAP's on a design that fills two
thirds of a device; only this router ends on one."""


def _place(
    platform: Platform, name: str, netlist: str, seed: int, clock_hz: float
) -> tuple[list[str], str]:
    """Clocks are constrained by the platform's file, and by the PLL that nextpnr derives from."""
    placed = f"{name}.seed{seed}.config"
    return [
        platform._nextpnr_device_options[platform.device],
        "--package", platform._nextpnr_package_options[platform.package].upper(),
        "--speed", platform.speed, "--json", netlist, "--top", name,
        "--lpf", f"{name}.lpf", "--seed", str(seed), "--timing-allow-fail", *PLACE_AND_ROUTE,
        "--textcfg", placed,
    ], placed  # fmt: skip


ECP5 = Family(
    name="ecp5",
    nextpnr="nextpnr-ecp5",
    packer="ecppack",
    synthesis=f"synth_ecp5 {SYNTHESIS} -top {{top}} -run begin:check; ",
    files=(),
    equal_cells="+/lattice/cells_sim_ecp5.v",
    cells=MODELS / "ecp5.v",
    pins=MODELS / "ecp5_pins.v",
    # A slice holds two LUTs or one carry cell, 16 x 4 bits of distributed RAM take two slices and
    # one for their write port, and a carry chain begins and ends with a carry cell of its own.
    # Within 1 % of what nextpnr counts after packing.
    sites={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6, CHAIN: 4},
    resources={"ff": ("TRELLIS_FF",), "bram": ("DP16KD",), "dsp": ("MULT18X18D",)},
    drivers={"LUT4": "Z", "TRELLIS_FF": "Q"},
    carry=Carry("CCU2C", "CIN", "COUT"),
    used={
        "lut4": ("TRELLIS_COMB",),
        "ff": ("TRELLIS_FF",),
        "bram": ("DP16KD",),
        "dsp": ("MULT18X18D",),
    },
    columns={
        "LUT4": ("LUT4",),
        "CCU2C": ("CCU2C",),
        "DPR16X4": ("TRELLIS_DPR16X4",),
        "FF": ("TRELLIS_FF",),
        "DP16KD": ("DP16KD",),
        "MULT18X18D": ("MULT18X18D",),
    },
    columns_note="a LUT4 is a LUT site, CCU2C 2, DPR16X4 6",
    constraints=".lpf",
    bitstream=".bit",
    place=_place,
    pack=lambda _, placed, bitstream: ["--compress", placed, bitstream],
)
