"""The processing element of the array."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.popcount import Popcount
from hw.spec.configuration import Configuration
from hw.spec.numerics import ACCUMULATOR


class Element(wiring.Component):
    """XNOR-popcount processing element: ``acc += ones(xnor(row, column))`` or ``acc -= zeros(..)``.

    A group's words come word-major: word k of each of its `group_tiles` column tiles, then word
    k+1.  So the accumulator file needs no address: it is a line of `group_tiles` entries that
    turns by one with every word.  The last word of a tile puts its sum into the tile's hold and
    zero into the line, so the next group starts from zero without a clear.

    A signed sum of values v (+-1 as bits) under attention bits A needs no AND: with
    ``xnor(A, v) = (A & v) | (~A & ~v)`` and ``xnor(1, v) = v``, whose zeros are
    ``(A & ~v) | (~A & ~v)``, ``pop(A & v) - pop(A & ~v) = ones(xnor(A, v)) - zeros(xnor(1, v))``:
    what is left over is the same for all tokens, a `subtract` of a row of ones.  `mute` makes a
    word count nothing.

    Latency: `row`, `column` to the accumulator `POPCOUNT_LATENCY` cycles; `subtract` and `mute`
    come a cycle before the count, the other flags with it; `result` one cycle after `load`.  One
    word a cycle, no back-pressure.  Validated for |acc| < 2**15.

    Parameters
    ----------
    configuration : Configuration
        Sizes; `group_tiles` entries of the accumulator line and holds.

    Members
    -------
    row : In(64)
        Bits of a token.
    column : In(64)
        Bits of an output.
    subtract : In(1)
        Subtract the zeros instead of adding the ones.
    mute : In(1)
        Count nothing.
    enable : In(1)
        The count is of a valid word.
    last : In(1)
        Last word of the column tile: the line restarts from zero (only with `enable`).
    load : In(group_tiles)
        One hot: the sum goes to this column tile's hold (only with `last`).
    result : Out(group_tiles accumulators)
        The holds.
    """

    def __init__(self, configuration: Configuration) -> None:
        tiles = configuration.group_tiles
        self._accumulator = signed(ACCUMULATOR.bits)
        super().__init__(
            {
                "row": In(64),
                "column": In(64),
                "subtract": In(1),
                "mute": In(1),
                "enable": In(1),
                "last": In(1),
                "load": In(tiles),
                "result": Out(data.ArrayLayout(self._accumulator, tiles)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.popcount = popcount = Popcount()
        m.d.comb += [
            popcount.bits.eq(~(self.row ^ self.column)),
            popcount.subtract.eq(self.subtract),
            popcount.mute.eq(self.mute),
        ]

        tiles, bits = len(self.load), ACCUMULATOR.bits
        line = [Signal(bits, name=f"line{i}") for i in range(tiles)]
        result = Signal(bits)
        m.d.comb += result.eq(line[-1] + popcount.count)
        with m.If(self.enable):
            m.d.sync += [line[0].eq(result), *(line[i].eq(line[i - 1]) for i in range(1, tiles))]
        with m.If(self.last):
            m.d.sync += line[0].eq(0)
        for tile in range(tiles):
            hold = Signal(self._accumulator, name=f"hold{tile}", reset_less=True)
            with m.If(self.load[tile]):
                m.d.sync += hold.eq(result)
            m.d.comb += self.result[tile].eq(hold)
        return m
