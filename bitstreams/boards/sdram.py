"""Pins of an SDRAM on an ECP5: registered at the pad, its clock a quarter period later."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from hw.memory.sdram import SdramController, SdramTiming, capture_cycles

PAD_REGISTERS = (1, 1)
"""Registers in the pads, out and in."""
DELAY_PS = (2_000, 6_000)
"""What clock pad, board both ways and data pad take, least and most: assumed, not measured."""


def quarter_late(timing: SdramTiming) -> int:
    """`capture` of a controller whose chip's clock is a quarter period late.

    A command then has a quarter of set-up and three quarters of hold time.
    """
    return capture_cycles(
        timing,
        late_ps=10**12 // timing.clock_hz // 4,
        delay_ps=DELAY_PS,
        pad_registers=PAD_REGISTERS,
    )


class SdramPads(Elaboratable):
    """A controller of :func:`quarter_late`, and the pads of the platform's resource ``sdram``.

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
