"""The Verilator control file: which signals cocotb may touch, and which lint classes are waived.

cocotb's own runner makes every signal of the design public, which switches most of Verilator's
optimisation off (3 to 6 times slower). Only the top module's ports are made public here.
"""

import re

# Each class is waived by name with its reason; every other class stays an error.
WAIVED_GENERATED = {
    "WIDTHEXPAND": "Amaranth extends the narrower operand of an addition implicitly",
    "WIDTHTRUNC": "Amaranth truncates implicitly on assignment to a narrower signal",
    "UNUSEDSIGNAL": "Yosys leaves names of slices that it has folded away",
    "UNUSEDPARAM": "Yosys keeps parameters of flattened cells",
    "UNDRIVEN": "a member of a struct that nothing assigns stays at its reset value",
    "DECLFILENAME": "one generated file holds every module of a design",
    "VARHIDDEN": "Yosys names a signal as its submodule",
    "UNOPTFLAT": "valid/ready pairs through one vector look like loops bit by bit; speed only",
    "PINCONNECTEMPTY": "an output that nothing reads is left open",
    "PINMISSING": "Amaranth omits ports that a submodule does not use",
    "CASEINCOMPLETE": "Amaranth's Switch keeps the default assigned before the case",
    "CASEOVERLAP": "Amaranth's Switch takes the first match, as Verilog does",
    "CMPCONST": "a comparison with an end of a range is constant for some configurations",
    "UNSIGNED": "a comparison of an unsigned signal with 0 is constant for some configurations",
    "SELRANGE": "an index as wide as its array may name elements past the end",
    "GENUNNAMED": "hand-written wrappers may use short generate blocks",
    "PROCASSINIT": "Amaranth gives every register its initial value in its declaration",
    "EOFNEWLINE": "generated text need not end in a newline",
}

_PORT_LIST = (
    r"\bmodule\s+{top}\b\s*(?:#\s*\((?:[^()]|\([^()]*\))*\)\s*)?\(((?:[^()]|\([^()]*\))*)\)"
)


def port_names(source: str, top: str) -> list[str] | None:
    """Names of the ports of module `top` in Verilog text, or None if it is not defined there."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/|\(\*.*?\*\)", " ", source, flags=re.DOTALL)
    found = re.search(_PORT_LIST.format(top=re.escape(top)), text)
    if found is None:
        return None
    ports = re.sub(r"\[[^\]]*\]", " ", found.group(1))
    return [part.split()[-1].lstrip("\\") for part in ports.split(",") if part.split()]


def control_file(top: str, ports: list[str]) -> str:
    """Text of the control file for a top module and its ports."""
    lines = ["`verilator_config"]
    for rule, reason in WAIVED_GENERATED.items():
        lines += [f"// {reason}", f"lint_off -rule {rule}"]
    lines.append("// Only the top's ports are public: everything else may be optimised.")
    lines += [f'public_flat_rw -module "{top}" -var "{port}"' for port in ports]
    return "\n".join(lines) + "\n"
