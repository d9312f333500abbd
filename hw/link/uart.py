"""UART: 8 bits, no parity, one stop bit, at a fixed rate that need not divide the clock."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

FRACTION = 8
"""Fraction bits of times in clock cycles."""
ONE = 1 << FRACTION
LEAST_CYCLES = 4
"""Clock cycles a bit at least: the line is sampled in the middle of a bit, to a cycle."""


def bit_period(clock_hz: int, baud: int) -> int:
    """Clock cycles a bit, in units of ``2**-FRACTION`` cycles.

    Raises
    ------
    ValueError
        For fewer than LEAST_CYCLES.
    """
    if baud < 1 or clock_hz < LEAST_CYCLES * baud:
        raise ValueError(
            f"UART: {baud} baud at {clock_hz} Hz is {clock_hz / max(1, baud):.2f} cycles a bit; "
            f"at least {LEAST_CYCLES}, so at most {clock_hz // LEAST_CYCLES} baud"
        )
    return (clock_hz * ONE + baud // 2) // baud


class UartReceiver(wiring.Component):
    """Bytes from a UART's pin.

    A byte is shown in the middle of its stop bit.  A start bit that is gone in its middle is no
    start; a stop bit that is low is an error (a break, noise, or another rate), and the next byte
    begins after the line has been high.  No back-pressure: a byte is shown for one cycle.  Two
    flip-flops synchronise the pin.  Validated from 4 cycles a bit on, rates off by up to 3 %.

    Parameters
    ----------
    period : int
        Of a bit, see :func:`bit_period`.

    Members
    -------
    rx : In(1)
        The pin, asynchronous, high at rest.
    valid : Out(1)
        `byte` is one.
    byte : Out(8)
        The byte.
    error : Out(1)
        A byte without its stop bit was dropped.
    """

    def __init__(self, period: int) -> None:
        self._period = period
        super().__init__({"rx": In(1, init=1), "valid": Out(1), "byte": Out(8), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronise = FFSynchronizer(self.rx, line, init=1)

        left = Signal(range(self._period + ONE))
        tick = Signal()
        bits = Signal(range(8))
        m.d.comb += tick.eq(left < ONE)
        m.d.sync += left.eq(Mux(tick, left + (self._period - ONE), left - ONE))

        with m.FSM():
            with m.State("REST"):
                m.d.sync += [left.eq(self._period // 2 - ONE), bits.eq(0)]
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(tick):
                m.next = "DATA"
                with m.If(line):
                    m.next = "REST"
            with m.State("DATA"), m.If(tick):
                m.d.sync += [self.byte.eq(Cat(self.byte[1:], line)), bits.eq(bits + 1)]
                with m.If(bits == 7):
                    m.next = "STOP"
            with m.State("STOP"), m.If(tick):
                m.d.comb += [self.valid.eq(line), self.error.eq(~line)]
                m.next = "REST"
                with m.If(~line):
                    m.next = "BREAK"
            with m.State("BREAK"), m.If(line):
                m.next = "REST"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a UART's pin.

    A byte starts in the cycle after it was taken and lasts 10 bits; bytes follow without a gap.
    Respects back-pressure.  Validated from 4 cycles a bit on.

    Parameters
    ----------
    period : int
        Of a bit, see :func:`bit_period`.

    Members
    -------
    bytes : In(stream of 8)
        To send.
    tx : Out(1)
        The pin, high at rest.
    """

    def __init__(self, period: int) -> None:
        self._period = period
        super().__init__({"bytes": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self._period + ONE))
        tick = Signal()
        more = Signal(range(11))  # bits to come, the one on the pin included
        following = Signal(9)
        m.d.comb += [
            tick.eq(left < ONE),
            self.bytes.ready.eq((more == 0) | ((more == 1) & tick)),
        ]
        with m.If(more != 0):
            m.d.sync += left.eq(Mux(tick, left + (self._period - ONE), left - ONE))
            with m.If(tick):
                m.d.sync += [
                    more.eq(more - 1),
                    Cat(self.tx, following).eq(Cat(following, 1)),
                ]
        with m.Else():
            m.d.sync += left.eq(self._period - ONE)
        with m.If(self.bytes.valid & self.bytes.ready):
            m.d.sync += [more.eq(10), self.tx.eq(0), following.eq(Cat(self.bytes.payload, 1))]
        return m
