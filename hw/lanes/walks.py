"""Addresses that follow the tokens of a command, by increments alone."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.spec.commands import Bits
from hw.spec.configuration import Configuration

MOVE = data.StructLayout({"token": 1, "again": 1, "tile": 1, "outer": 1, "load": 1})
"""What comes after the present beat (at most one): the tile's next token; the tile's first token
once more (next inner group); the next tile; the first tile once more (next outer group); the
next command."""


class LinearWalk(wiring.Component):
    """``word = base + token*stride + outer*outer_step``.

    One move a cycle, the word is there in the next.  Golden partner: none (addresses).

    Parameters
    ----------
    outer_step : int
        Words between outer groups.

    Members
    -------
    move : In(MOVE)
        What comes next.
    base : In(13)
        With ``move.load``: word of the first token.
    stride : In(8)
        Words between tokens.
    word : Out(13)
        Present address.
    """

    def __init__(self, outer_step: int) -> None:
        self._outer_step = outer_step
        super().__init__({"move": In(MOVE), "base": In(13), "stride": In(8), "word": Out(13)})

    def elaborate(self, platform) -> Module:
        m = Module()
        tile_start, start = Signal(13), Signal(13)
        following, outer = self.word + self.stride, start + self._outer_step
        with m.If(self.move.token | self.move.tile):
            m.d.sync += self.word.eq(following)
        with m.If(self.move.again):
            m.d.sync += self.word.eq(tile_start)
        with m.If(self.move.tile):
            m.d.sync += tile_start.eq(following)
        with m.If(self.move.outer):
            m.d.sync += [s.eq(outer) for s in (self.word, tile_start, start)]
        with m.If(self.move.load):
            m.d.sync += [s.eq(self.base) for s in (self.word, tile_start, start)]
        return m


class BitsWalk(wiring.Component):
    """Word of the bits before the channel group's part is added, and the key index.

    ROW: ``base + tile*stride``; KEY: ``base + (key//lanes - first_key//lanes)*stride``; VALUE:
    ``base + outer*stride``; ``key = first_key + token``.  One move a cycle, the word is there in
    the next.  Golden partner: none (addresses).

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    move : In(MOVE)
        What comes next.
    base : In(13)
        With ``move.load``: word of the first token in the first group.
    first_key : In(12)
        With ``move.load``: key index of the first token.
    bits : In(2)
        Bits of the present command.
    stride : In(12)
        Words between tiles, key groups or channel groups.
    word : Out(13)
        Present address.
    key : Out(12)
        Present key index.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "move": In(MOVE),
                "base": In(13),
                "first_key": In(12),
                "bits": In(2),
                "stride": In(12),
                "word": Out(13),
                "key": Out(12),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        lanes = self._configuration.lanes
        tile_start, start, key_tile_start, key_start = (
            Signal(13),
            Signal(13),
            Signal(12),
            Signal(12),
        )
        step = Signal()
        following, next_key = self.word + self.stride, self.key + 1
        with m.Switch(self.bits):
            with m.Case(Bits.ROW):
                m.d.comb += step.eq(self.move.tile)
            with m.Case(Bits.KEY):
                m.d.comb += step.eq(
                    (self.move.token | self.move.tile) & (self.key % lanes == lanes - 1)
                )
            with m.Case(Bits.VALUE):
                m.d.comb += step.eq(self.move.outer)
        with m.If(self.move.token | self.move.tile):
            m.d.sync += self.key.eq(next_key)
        with m.If(self.move.again):
            m.d.sync += [self.word.eq(tile_start), self.key.eq(key_tile_start)]
        with m.If(self.move.outer):
            m.d.sync += [
                self.word.eq(start),
                tile_start.eq(start),
                self.key.eq(key_start),
                key_tile_start.eq(key_start),
            ]
        with m.If(step):
            m.d.sync += self.word.eq(following)
        with m.If(self.move.tile):
            m.d.sync += [tile_start.eq(self.word), key_tile_start.eq(next_key)]
            with m.If(step):
                m.d.sync += tile_start.eq(following)
        with m.If(step & self.move.outer):
            m.d.sync += [tile_start.eq(following), start.eq(following)]
        with m.If(self.move.load):
            m.d.sync += [
                *(s.eq(self.base) for s in (self.word, tile_start, start)),
                *(s.eq(self.first_key) for s in (self.key, key_tile_start, key_start)),
            ]
        return m
