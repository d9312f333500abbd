"""Gowin GW5A: synth_gowin, nextpnr-himbaechel-gowin, gowin_pack (Apycula)."""

from __future__ import annotations

from amaranth.build import Platform

from bitstreams.families.family import CHAIN, MODELS, Carry, Family

SYNTHESIS = "-family gw5a -noabc9 -nowidelut -noiopads"
"""Options of ``synth_gowin``: plain ABC, no wide multiplexers; Amaranth places the pads."""
BLOCK_RAMS = MODELS / "gw5a_rams.txt"
MULTIPLIERS = MODELS / "gw5a_multipliers.v"
DSP = (
    "-D DSP_A_MAXWIDTH=27 -D DSP_B_MAXWIDTH=18 -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 "
    "-D DSP_Y_MINWIDTH=9 -D DSP_SIGNEDONLY -D DSP_NAME=$__MUL27X18"
)
"""Products that take a DSP: `synth_gowin` would make all of them of LUTs."""
FEW_CONTROLS = "-mince 200 -minsrst 200"
"""Options of ``dfflegalize``: an enable or a synchronous reset of fewer flip-flops becomes logic,
because a slice has one of each and the placer does not end with thousands of them."""
KINDS = (
    "$_DFF_?_ 0", "$_DFFE_?P_ 0", "$_SDFF_?P?_ r", "$_SDFFE_?P?P_ r", "$_DFF_?P?_ r",
    "$_DFFE_?P?P_ r",
)  # fmt: skip
"""Flip-flops of the family, with what they can begin as."""
PLACE_AND_ROUTE = ("--placer-heap-alpha", "0.3", "--placer-heap-beta", "0.4", "--router", "router2")
"""Options of nextpnr: LUTs and flip-flops are each spread as if alone, though the flip-flop of a
slice holds what its LUT makes; unless they lie thinner than by default, legalising does not end.
With nextpnr's other router the wires of a design that fills half a device take hours."""
LUTS = ("LUT1", "LUT2", "LUT3", "LUT4")
RAMS = ("SDPB", "SDPX9B", "SP", "SPX9")
FLIP_FLOPS = tuple(f"DFF{kind}" for kind in ("", "E", "R", "RE", "S", "SE", "C", "CE", "P", "PE"))


def _place(
    platform: Platform, name: str, netlist: str, seed: int, clock_hz: float
) -> tuple[list[str], str]:
    """Every clock is constrained to `clock_hz`: there is no file of them for this tool.

    The global network that nextpnr knows goes to the clock that the file of pins names, not to that
    of a pin.
    """
    placed = f"{name}.seed{seed}.placed.json"
    return [
        "--device", platform.part, "--vopt", f"family={platform.chip}",
        "--vopt", f"cst={name}.cst", "--vopt", "disable_gp_clock_routing",
        "--json", netlist, "--top", name, "--freq", f"{clock_hz / 1e6:g}",
        "--seed", str(seed), "--timing-allow-fail", "--write", placed, *PLACE_AND_ROUTE,
    ], placed  # fmt: skip


GW5A = Family(
    name="gw5a",
    nextpnr="nextpnr-himbaechel-gowin",
    packer="gowin_pack",
    # `synth_gowin` as it stands there with multipliers in DSPs, block RAMs and flip-flops of our
    # choice, and without its naming of every cell, which takes as long as all before it.
    synthesis=(
        f"synth_gowin {SYNTHESIS} -top {{top}} -run begin:coarse; "
        "opt_expr; opt_clean; opt -nodffe -nosdff; wreduce; peepopt; opt_clean; "
        f"techmap -map +/mul2dsp.v -map {MULTIPLIERS.name} {DSP}; chtype -set $mul t:$__soft_mul; "
        f"synth_gowin {SYNTHESIS} -top {{top}} -run coarse:map_ram; "
        f"memory_libmap -lib +/gowin/lutrams.txt -lib {BLOCK_RAMS.name} -D gw5a; "
        "techmap -map +/gowin/lutrams_map.v -map +/gowin/brams_map_gw5a.v; "
        f"synth_gowin {SYNTHESIS} -top {{top}} -run map_ffram:map_ffs; opt_clean; "
        f"dfflegalize {FEW_CONTROLS} {' '.join(f'-cell {kind}' for kind in KINDS)}; "
        "techmap -map +/gowin/cells_map.v; opt_expr -mux_undef; simplemap; "
        f"synth_gowin {SYNTHESIS} -top {{top}} -run map_luts:map_cells; "
        "techmap -map +/gowin/cells_map.v; opt_lut_ins -tech gowin; "
        "setundef -undriven -params -zero; "
        "hilomap -singleton -hicell VCC V -locell GND G; clean; "
    ),
    files=(BLOCK_RAMS, MULTIPLIERS),
    equal_cells="+/gowin/cells_sim.v",
    cells=MODELS / "gw5a.v",
    pins=MODELS / "gw5a_pins.v",
    # A carry cell is a LUT, a chain begins with one of its own; 16 x 4 bits of distributed RAM
    # take four, and the four beside them.
    sites={**dict.fromkeys(LUTS, 1), "ALU": 1, "RAM16SDP4": 8, CHAIN: 1},
    resources={"ff": FLIP_FLOPS, "bram": RAMS, "dsp": ("MULTALU27X18",)},
    drivers=dict.fromkeys(LUTS, "F") | dict.fromkeys(FLIP_FLOPS, "Q"),
    carry=Carry("ALU", "CIN", "COUT"),
    used={"lut4": ("LUT4",), "ff": ("DFF",), "bram": ("BSRAM",), "dsp": ("MULTALU27X18",)},
    columns={
        "LUT": LUTS,
        "ALU": ("ALU",),
        "RAM16SDP4": ("RAM16SDP4",),
        "FF": FLIP_FLOPS,
        "BSRAM": RAMS,
        "DSP": ("MULTALU27X18",),
    },
    columns_note="a LUT and an ALU are a LUT site, RAM16SDP4 8",
    constraints=".cst",
    bitstream=".fs",
    place=_place,
    pack=lambda platform, placed, bitstream: ["-d", platform.chip, "-o", bitstream, placed],
    untimed="paths out of block RAMs and multipliers",
)
