"""Pins of an SDRAM on an ECP5: registered at the pad, its clock a quarter period later."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from hw.memory.sdram import SdramController

CAPTURE = 2
"""Cycles that the pads' registers add, one out and one in.

With the chip's clock a quarter period late, a command has a quarter of set-up and three quarters of
hold time, and a word read the other three quarters for the chip's access time (6 ns) and both pads;
at 50 MHz that leaves some 4 ns by the data sheets.  Not measured.
"""


class SdramPads(Elaboratable):
    """A controller made with `CAPTURE`, and the pads of the platform's resource ``sdram``.

    Parameters
    ----------
    controller : SdramController
        Elaborated by whoever takes its memory port.
    port
        The requested resource, without direction.
    chip_domain : str
        Clock domain that the chip's clock follows.
    """

    def __init__(self, controller: SdramController, port, chip_domain: str) -> None:
        self._pins, self._port, self._chip_domain = controller.pins, port, chip_domain

    def elaborate(self, platform) -> Module:  # noqa: D102
        m = Module()
        pins, port = self._pins, self._port
        m.submodules.clk = clock = io.DDRBuffer("o", port.clk, o_domain=self._chip_domain)
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        for name in ("clk_en", "cs", "ras", "cas", "we", "ba", "a", "dqm"):
            m.submodules[name] = pad = io.FFBuffer("o", getattr(port, name))
            m.d.comb += pad.o.eq(getattr(pins, name))
        for bit in range(len(port.dq)):
            m.submodules[f"dq{bit}"] = pad = io.FFBuffer("io", port.dq[bit])
            m.d.comb += [
                pad.o.eq(pins.dq_o[bit]),
                pad.oe.eq(pins.dq_oe),
                pins.dq_i[bit].eq(pad.i),
            ]
        return m
