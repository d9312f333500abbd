"""The Verilog top of :class:`hw.bus.accelerator.AxiAccelerator`: ports named as the buses are."""

from __future__ import annotations

from amaranth.hdl import Shape
from amaranth.lib.wiring import Out

from hw.bus.interfaces import Axi, AxiLite
from hw.bus.registers import ADDRESS_BITS

CORE = "binaryvit_core"
TOP = "binaryvit"


def wrapper_verilog(address_bits: int = 32) -> str:
    """Module ``binaryvit``: ``s_axi_*`` are the registers, ``m_axi_*`` is memory, ``rst`` is high
    for reset and synchronous; module ``binaryvit_core`` is the accelerator's Verilog.
    """
    ports = [("input", 1, "clk"), ("input", 1, "rst")]
    connections = [("clk", "clk"), ("rst", "rst")]
    for prefix, member, signature, outward in (
        ("s_axi", "control", AxiLite(ADDRESS_BITS), False),
        ("m_axi", "memory", Axi(address_bits), True),
    ):
        for name, port in signature.members.items():
            way = "output" if (port.flow == Out) == outward else "input"
            ports.append((way, Shape.cast(port.shape).width, f"{prefix}_{name}"))
            connections.append((f"{member}__{name}", f"{prefix}_{name}"))
    for inner, outer in (("interrupt", "irq"), ("memory_error", "memory_error")):
        ports.append(("output", 1, outer))
        connections.append((inner, outer))
    declared = ",\n".join(
        f"    {way:6} wire {f'[{bits - 1}:0] ' if bits > 1 else ''}{name}"
        for way, bits, name in ports
    )
    connected = ",\n".join(f"        .{inner}({outer})" for inner, outer in connections)
    return f"module {TOP} (\n{declared}\n);\n    {CORE} core (\n{connected}\n    );\nendmodule\n"
