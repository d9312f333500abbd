"""Clock and reset of a board without a PLL: the oscillator's clock, halved."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal

from bitstreams.boards.pll import RESET_CYCLES
from bitstreams.tools import ToolError


class HalvedClock(Elaboratable):
    """Drives clock and reset of ``sync``, an oscillator's frequency halved once or more.

    Flip-flops divide it: nothing to lock, and nothing of the family's PLLs to know.  The last one
    follows the divider and drives clock pins alone, so that the clock needs no wire of the fabric:
    where it did, nextpnr's router sometimes could not bind that wire, and did not end.  The reset
    holds for `RESET_CYCLES` cycles from configuration on; the registers of both start from their
    configured values.

    Parameters
    ----------
    input_clock : Signal
        The oscillator's buffered clock.
    input_hz, output_hz : float
        Frequencies.

    Raises
    ------
    ToolError
        `output_hz` is not `input_hz` halved.
    """

    def __init__(self, input_clock: Signal, input_hz: float, output_hz: float) -> None:
        self._input_clock = input_clock
        self._halvings = (round(input_hz / output_hz)).bit_length() - 1
        if self._halvings < 1 or input_hz != output_hz * (1 << self._halvings):
            raise ToolError(
                f"clock: {output_hz / 1e6:g} MHz is not {input_hz / 1e6:g} MHz halved; choose "
                f"{input_hz / 2e6:g} or {input_hz / 4e6:g} MHz"
            )

    def elaborate(self, platform) -> Module:  # noqa: D102
        m = Module()
        m.domains.oscillator = ClockDomain(reset_less=True, local=True)
        m.domains.wake = ClockDomain(reset_less=True, local=True)
        divider, clock = Signal(self._halvings), Signal()
        passed = Signal(range(RESET_CYCLES))
        reset = Signal(init=1)
        m.d.comb += [
            ClockSignal("oscillator").eq(self._input_clock),
            ClockSignal("wake").eq(clock),
            ClockSignal("sync").eq(clock),
            ResetSignal("sync").eq(reset),
        ]
        m.d.oscillator += [divider.eq(divider + 1), clock.eq(divider[-1])]
        m.d.wake += [reset.eq(~passed.all()), passed.eq(passed + ~passed.all())]
        return m
