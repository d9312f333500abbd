"""Pipelined population count of a 64-bit word."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

POPCOUNT_LATENCY = 3
"""Cycles from a word to its count."""


class Popcount(wiring.Component):
    """Number of ones of 64 bits: ``count = sum(bits)``.

    Latency 3 cycles (`POPCOUNT_LATENCY`): sixteen 4-bit groups, then two adder levels a register
    stage.  One word a cycle; no handshake, no enable, no reset: it is feed-forward.

    Members
    -------
    bits : In(64)
        The word.
    count : Out(7)
        Its ones, 0..64, three cycles later.
    """

    def __init__(self) -> None:
        super().__init__({"bits": In(64), "count": Out(7)})

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
        quarters = [Signal(5, name=f"quarter{i}", reset_less=True) for i in range(4)]
        m.d.sync += [
            q.eq((groups[i] + groups[i + 4]) + (groups[i + 8] + groups[i + 12]))
            for i, q in enumerate(quarters)
        ]
        count = Signal(7, reset_less=True)
        m.d.sync += count.eq((quarters[0] + quarters[1]) + (quarters[2] + quarters[3]))
        m.d.comb += self.count.eq(count)
        return m
