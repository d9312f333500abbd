"""Pins of an SDRAM on an ECP5: registered at the pad, its clock some quarters of a period later."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from hw.memory.sdram import SdramController, SdramError, SdramTiming, capture_cycles

PAD_REGISTERS = (1, 1)
"""Registers in the pads, out and in."""
DELAY_PS = (2_000, 6_000)
"""What clock pad, board both ways and data pad take, least and most: assumed, not measured."""


def late_clock(timing: SdramTiming) -> tuple[int, int]:
    """Quarters of a period by which the chip's clock is late, and the controller's `capture` then.

    The least that leaves a clock edge for every word read: a command has so much set-up time, and
    the rest of the period to hold.

    Raises
    ------
    SdramError
        None does: the clock is too fast for the delays.
    """
    for quarters in (1, 2, 3):
        late = quarters * 10**12 // timing.clock_hz // 4
        try:
            return quarters, capture_cycles(
                timing, late_ps=late, delay_ps=DELAY_PS, pad_registers=PAD_REGISTERS
            )
        except SdramError as error:
            last = error
    raise last


class SdramPads(Elaboratable):
    """A controller of :func:`late_clock`, and the pads of the platform's resource ``sdram``.

    Parameters
    ----------
    controller : SdramController
        Elaborated by whoever takes its memory port.
    port
        The requested resource, without direction.
    domain : str
        Clock domain of the controller.
    chip_domain : str
        Clock domain that the chip's clock follows.
    """

    def __init__(self, controller: SdramController, port, domain: str, chip_domain: str) -> None:
        self._pins, self._port = controller.pins, port
        self._domain, self._chip_domain = domain, chip_domain

    def elaborate(self, platform) -> Module:  # noqa: D102
        m = Module()
        pins, port = self._pins, self._port
        m.submodules.clk = clock = io.DDRBuffer("o", port.clk, o_domain=self._chip_domain)
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        for name in ("clk_en", "cs", "ras", "cas", "we", "ba", "a", "dqm"):
            m.submodules[name] = pad = io.FFBuffer("o", getattr(port, name), o_domain=self._domain)
            m.d.comb += pad.o.eq(getattr(pins, name))
        for bit in range(len(port.dq)):
            m.submodules[f"dq{bit}"] = pad = io.FFBuffer(
                "io", port.dq[bit], i_domain=self._domain, o_domain=self._domain
            )
            m.d.comb += [
                pad.o.eq(pins.dq_o[bit]),
                pad.oe.eq(pins.dq_oe),
                pins.dq_i[bit].eq(pad.i),
            ]
        return m
