"""Pipelined signed population count of a 64-bit word."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

POPCOUNT_LATENCY = 5
"""Cycles from a word to its count."""


class Popcount(wiring.Component):
    """Ones of 64 bits, or less its zeros: ``count = ones``, ``-zeros``, or 0.

    ``-zeros = ones - 64`` has the low six bits of ``ones``: the sign costs two bits of the last
    sum and no negation.

    Latency 5 cycles (`POPCOUNT_LATENCY`): sixteen 4-bit groups, then an adder level a register
    stage.  One word a cycle; no handshake, no enable, no reset: it is feed-forward.

    Members
    -------
    bits : In(64)
        The word.
    subtract : In(1)
        Four cycles later: count its zeros, negatively.
    mute : In(1)
        Four cycles later: count nothing.
    count : Out(8 signed)
        Five cycles later: -64..64.
    """

    def __init__(self) -> None:
        super().__init__(
            {"bits": In(64), "subtract": In(1), "mute": In(1), "count": Out(signed(8))}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        # Group i is bits i, i+16, i+32, i+48: any partition counts the same, and this one makes
        # every equation a plain 16-bit vector operation of at most four inputs (one LUT4) a bit.
        a, b, c, d = (self.bits[16 * k : 16 * k + 16] for k in range(4))
        ones, twos, fours = (Signal(16, name=n, reset_less=True) for n in ("ones", "twos", "fours"))
        m.d.sync += [
            ones.eq(a ^ b ^ c ^ d),
            twos.eq(((a & b) | (c & d) | ((a ^ b) & (c ^ d))) & ~(a & b & c & d)),
            fours.eq(a & b & c & d),
        ]
        groups = [Cat(ones[i], twos[i], fours[i]) for i in range(16)]

        def halved(sums: list, name: str, bits: int) -> list[Signal]:
            """Sums of two and two, in registers."""
            count = len(sums) // 2
            registers = [Signal(bits, name=f"{name}{i}", reset_less=True) for i in range(count)]
            m.d.sync += [r.eq(sums[i] + sums[i + count]) for i, r in enumerate(registers)]
            return registers

        quarters = halved(halved(groups, "eighth", 4), "quarter", 5)
        low, high = halved(quarters, "half", 6)  # at most 32 each, and -64 is bits 6 and 7
        count = Signal(signed(8), reset_less=True)
        m.d.sync += count.eq(Mux(self.mute, 0, Cat(low, self.subtract.replicate(2)) + high))
        m.d.comb += self.count.eq(count)
        return m
