"""Transposes the bits of values: beats are keys, column memory holds keys as the bit axis."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.spec.configuration import Configuration


class Transposer(wiring.Component):
    """``word[t][column] = bits of channel t*columns + column over the keys of the block``.

    A square of ``lanes * lanes`` registers takes a key (``lanes`` channels) a cycle.  Key 0 clears
    the others, so keys that never come are 0.  After the beat with `flush` the block leaves as
    ``group_tiles`` words in as many cycles, the first one in the cycle after that beat; the next
    block's key 0 must not come earlier than ``group_tiles`` cycles after the flushing beat (the
    walker leaves the gap).  Golden partner: none (a permutation).

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    valid : In(1)
        A key comes.
    index : In(range(lanes))
        Its place in the block.
    bits : In(lanes)
        Its bit in every channel.
    flush : In(1)
        With `valid`: the block ends with this key.
    tile : Out(range(max(2, group_tiles)))
        Column tile of `word`.
    word_valid : Out(1)
        `word` is one.
    word : Out(columns x lanes bits)
        The keys' bits for each column of the tile.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "valid": In(1),
                "index": In(range(c.lanes)),
                "bits": In(c.lanes),
                "flush": In(1),
                "tile": Out(range(max(2, c.group_tiles))),
                "word_valid": Out(1),
                "word": Out(data.ArrayLayout(c.lanes, c.columns)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        keys = [Signal(c.lanes, name=f"key{k}", reset_less=True) for k in range(c.lanes)]
        with m.If(self.valid):
            for k, key in enumerate(keys):
                with m.If(self.index == k):
                    m.d.sync += key.eq(self.bits)
                if k:
                    with m.Elif(self.index == 0):
                        m.d.sync += key.eq(0)
        with m.If(self.valid & self.flush):
            m.d.sync += [self.word_valid.eq(1), self.tile.eq(0)]
        with m.Elif(self.tile == c.group_tiles - 1):
            m.d.sync += self.word_valid.eq(0)
        with m.Else():
            m.d.sync += self.tile.eq(self.tile + 1)
        with m.Switch(self.tile):
            for t in range(c.group_tiles):
                with m.Case(t):
                    m.d.comb += [
                        self.word[column].eq(Cat(key[t * c.columns + column] for key in keys))
                        for column in range(c.columns)
                    ]
        return m
