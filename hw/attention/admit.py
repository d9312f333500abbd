"""Admission: lets the array issue a tile of scores only if all of it has room."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.attention.layouts import TILES_IN_FLIGHT, reserve_bits, tile_stream
from hw.interfaces import command_stream
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration


class Admit(wiring.Component):
    """Walks the tiles of SCORE commands as the array issues them, and counts their room.

    A tile reserves ``rows * outer`` words of score memory and one of ``TILES_IN_FLIGHT`` places,
    from its `score_tile` to its `freed`.  So everything behind admission is feed-forward.

    Latency 0 from `score_tile` to `tile`; a tile in two cycles, as `score_ready` is a register
    that has not seen the tile of the cycle before; a command is taken in the cycle after the
    `score_tile` of its predecessor's last tile.  `score_ready` is low without a command, so a
    beat cannot come before its fields.
    Golden partner: none (control).  Validated for tiles of at most `score_words` words; a larger
    one would wait for ever.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of SCORE)
        Commands, in the array's order.
    score_ready : Out(1)
        One more whole tile may be issued.
    score_tile : In(1)
        A tile is issued (only with `score_ready`); its beats come in a later cycle.
    stall : In(1)
        Holds `score_ready` low.
    tile : Out(stream of tile fields, always ready)
        The fields of the issued tile.
    freed : In(1)
        A tile's place and words are free again.
    freed_words : In(number)
        How many words.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.SCORE)),
                "score_ready": Out(1),
                "score_tile": In(1),
                "stall": In(1),
                "tile": Out(tile_stream(c)),
                "freed": In(1),
                "freed_words": In(reserve_bits(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, command = self._c, self.command

        fields = Signal.like(command.payload)
        held = Signal()
        tile = Signal.like(fields.tiles)
        address = Signal.like(self.tile.payload.write.address)
        reserve = Signal(reserve_bits(c))
        bias = Signal.like(self.tile.payload.arrival.bias)

        free_words = Signal(reserve_bits(c), init=c.score_words)
        places = Signal(range(TILES_IN_FLIGHT + 1), init=TILES_IN_FLIGHT)
        ready, last = Signal(), Signal()
        m.d.comb += [
            self.score_ready.eq(ready & ~self.stall),
            command.ready.eq(~held),
        ]
        m.d.sync += ready.eq(held & ~self.score_tile & (places != 0) & (free_words >= reserve))

        with m.If(self.score_tile):
            m.d.sync += [
                tile.eq(tile + 1),
                last.eq(tile + 2 == fields.tiles),
                address.eq(address + fields.probability_tile),
                held.eq(~last),
            ]
        with m.If(command.valid & command.ready):
            m.d.sync += [
                fields.eq(command.payload),
                held.eq(1),
                tile.eq(0),
                last.eq(command.payload.tiles == 1),
                address.eq(command.payload.probability_base),
                bias.eq(command.payload.padding + command.payload.index_base),
                # rows is a constant: shifts and adds, no multiplier.
                reserve.eq(sum(command.payload.outer << i for i in range(4) if c.rows >> i & 1)),
            ]

        m.d.sync += [
            free_words.eq(
                free_words
                - (reserve & self.score_tile.replicate(len(reserve)))
                + (self.freed_words & self.freed.replicate(len(reserve)))
            ),
            places.eq(places - self.score_tile + self.freed),
        ]

        out = self.tile.payload
        tokens = Signal(4)
        m.d.comb += [
            self.tile.valid.eq(self.score_tile),
            tokens.eq(c.rows),
            out.arrival.tag.eq(fields.tag),
            out.arrival.tokens.eq(tokens),
            out.arrival.groups.eq(fields.outer),
            out.arrival.keys.eq(fields["keys"]),
            out.arrival.padding.eq(fields.padding),
            out.arrival.bias.eq(bias),
            out.scale.scale.eq(fields.scale),
            out.scale.shift.eq(fields.scale_shift),
            out.write.tag.eq(fields.tag),
            out.write.tokens.eq(tokens),
            out.write.groups.eq(fields.outer),
            out.write["keys"].eq(fields["keys"]),
            out.write.address.eq(address),
            out.write.reserved.eq(reserve),
            out.write.last.eq(last),
        ]
        with m.If(last):
            m.d.comb += tokens.eq(fields.last_tokens)
        return m
