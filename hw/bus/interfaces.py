"""The channels of AXI4 that the accelerator uses, and AXI4-Lite, by the names of the standard.

Arm IHI 0022 gives every signal.  What is left out is what the standard gives a default for, or what
is the same in every transfer and therefore a constant of the Verilog wrapper.
"""

from __future__ import annotations

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

OKAY, SLAVE_ERROR = 0b00, 0b10
INCREMENTING = 0b01
BEAT_SIZE = 4
"""AxSIZE of 16 bytes."""
BOUNDARY_BEATS = 256
"""Beats of 16 bytes in 4 KiB: no burst crosses such a boundary, nor is any longer."""


def check_addresses(address_bits: int, base: int) -> None:
    """Raises ValueError for addresses that memory cannot have."""
    if not 20 <= address_bits <= 64:
        raise ValueError(f"memory: address_bits={address_bits} is not within 20 to 64")
    if base % 4096 or not 0 <= base < 1 << address_bits:
        raise ValueError(
            f"memory: base={base:#x} is not a multiple of 4096 below 2**{address_bits}"
        )


class Axi(wiring.Signature):
    """AXI4 with 128-bit data and one ID, seen from the manager."""

    def __init__(self, address_bits: int) -> None:
        def address(channel: str) -> dict:
            return {
                f"{channel}valid": Out(1),
                f"{channel}ready": In(1),
                f"{channel}id": Out(1),
                f"{channel}addr": Out(address_bits),
                f"{channel}len": Out(8),
                f"{channel}size": Out(3, init=BEAT_SIZE),
                f"{channel}burst": Out(2, init=INCREMENTING),
                f"{channel}lock": Out(1),
                f"{channel}cache": Out(4, init=0b0011),
                f"{channel}prot": Out(3),
                f"{channel}qos": Out(4),
            }

        super().__init__(
            {
                **address("aw"),
                "wvalid": Out(1),
                "wready": In(1),
                "wdata": Out(128),
                "wstrb": Out(16, init=0xFFFF),
                "wlast": Out(1),
                "bvalid": In(1),
                "bready": Out(1, init=1),
                "bid": In(1),
                "bresp": In(2),
                **address("ar"),
                "rvalid": In(1),
                "rready": Out(1),
                "rid": In(1),
                "rdata": In(128),
                "rresp": In(2),
                "rlast": In(1),
            }
        )


class AxiLite(wiring.Signature):
    """AXI4-Lite with 32-bit data, seen from the manager."""

    def __init__(self, address_bits: int) -> None:
        super().__init__(
            {
                "awvalid": Out(1),
                "awready": In(1),
                "awaddr": Out(address_bits),
                "awprot": Out(3),
                "wvalid": Out(1),
                "wready": In(1),
                "wdata": Out(32),
                "wstrb": Out(4),
                "bvalid": In(1),
                "bready": Out(1),
                "bresp": In(2),
                "arvalid": Out(1),
                "arready": In(1),
                "araddr": Out(address_bits),
                "arprot": Out(3),
                "rvalid": In(1),
                "rready": Out(1),
                "rdata": In(32),
                "rresp": In(2),
            }
        )
