"""Reads operand words ahead of their use."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.dense.layouts import COMMAND, by_pairs
from hw.interfaces import u_read, x_read
from hw.spec.commands import Operand, Source
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE

WORDS = 2
"""Operand words that are held or on their way: one in use, one ahead."""


class Operands(wiring.Component):
    """The operand words of a DENSE command, in order: for group, for token, for segment, for word.

    Where tokens go by pairs, both words of a pair are read behind one another and come together:
    for group, for pair of tokens, for segment, for word; an odd last token alone.
    Latency 5 cycles from `start` to the first word, 3 from a granted read to its word; a word in 3
    cycles, which is a word a cycle for a while if the one before it lasts.  Respects back-pressure;
    every grant may be low at any time.  Golden partner: DENSE of ``hw.spec.commands``.  Validated
    within :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(COMMAND)
        The command, stable while its words are read.
    start : In(1)
        First cycle of `command`; the words of the one before were taken.
    stall : In(1)
        No word is read in this cycle.
    x : Out(x memory read)
        Operand words.
    u : Out(u memory read)
        Operand words.
    word : Out(stream of `lanes` values)
        Words of the command; above it, of the token beside it (`dense_tokens` = 2).
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(COMMAND),
                "start": In(1),
                "stall": In(1),
                "x": Out(x_read(c)),
                "u": Out(u_read(c)),
                "word": Out(stream.Signature(c.lanes * VALUE.bits * c.dense_tokens)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, f = self._c, self.command
        two = Signal()
        m.d.comb += two.eq(by_pairs(c, f))

        # A word holds `lanes` pairs of pixels, else lanes/2 pairs; segments begin a new word.
        lane_bits = c.lanes.bit_length() - 1
        # The last round of every loop is registered, and whether it has come: the walk begins two
        # cycles after `start`.
        last_pair = Signal.like(f.pairs)
        last_index, last_segment, last_token, last_group = (
            Signal.like(field, name=f"last_{name}", reset_less=True)
            for name, field in (
                ("index", f.pairs),
                ("segment", f.segments),
                ("token", f.tokens),
                ("group", f.groups),
            )
        )
        m.d.comb += last_pair.eq(f.pairs - 1)
        m.d.sync += [
            last_index.eq(
                Mux(f.operand == Operand.PIXEL, last_pair >> lane_bits, last_pair >> lane_bits - 1)
            ),
            last_segment.eq(f.segments - 1),
            last_token.eq((f.tokens - 1) >> two),
            last_group.eq(f.groups - 1),
        ]

        # Walk, without a multiplier: every loop keeps where its round began.
        active, room = Signal(), Signal(range(WORDS + 1), init=WORDS)
        place, at_segment, at_token, at_group = (
            Signal.like(f.base, name=name)
            for name in ("place", "at_segment", "at_token", "at_group")
        )
        index, segment = Signal.like(f.pairs), Signal.like(f.segments)
        token, group = Signal.like(f.tokens), Signal.like(f.groups)
        index_ends, segment_ends, token_ends, group_ends, begins = (
            Signal(name=name)
            for name in ("index_ends", "segment_ends", "token_ends", "group_ends", "begins")
        )
        want, granted, from_u = Signal(), Signal(), Signal()
        # The other word of a pair is a token further.
        other, moves_on, address = Signal(), Signal(), Signal.like(place)
        m.d.comb += [
            from_u.eq(f.source == Source.U),
            want.eq(active & ((room != 0) | other) & ~self.stall),
            address.eq(place + Mux(other, f.token, 0)),
            moves_on.eq(granted & (~two | other | (token_ends & f.tokens[0]))),
            self.x.address.eq(address),
            self.u.address.eq(address),
            self.x.request.eq(want & ~from_u),
            self.u.request.eq(want & from_u),
            granted.eq(want & Mux(from_u, self.u.grant, self.x.grant)),
        ]
        next_segment, next_token, next_group = (
            Signal.like(f.base, name=name) for name in ("next_segment", "next_token", "next_group")
        )
        m.d.comb += [
            next_segment.eq(at_segment + f.segment),
            next_token.eq(at_token + (f.token << two)),
            next_group.eq(at_group + f.group),
        ]
        with m.If(granted):
            m.d.sync += other.eq(~moves_on)
        with m.If(moves_on):
            m.d.sync += [
                index.eq(index + 1),
                index_ends.eq(index + 1 == last_index),
                place.eq(place + 1),
            ]
            with m.If(index_ends):
                m.d.sync += [
                    index.eq(0),
                    index_ends.eq(last_index == 0),
                    segment.eq(segment + 1),
                    segment_ends.eq(segment + 1 == last_segment),
                    place.eq(next_segment),
                    at_segment.eq(next_segment),
                ]
                with m.If(segment_ends):
                    m.d.sync += [
                        segment.eq(0),
                        segment_ends.eq(last_segment == 0),
                        token.eq(token + 1),
                        token_ends.eq(token + 1 == last_token),
                        place.eq(next_token),
                        at_segment.eq(next_token),
                        at_token.eq(next_token),
                    ]
                    with m.If(token_ends):
                        m.d.sync += [
                            token.eq(0),
                            token_ends.eq(last_token == 0),
                            group.eq(group + 1),
                            group_ends.eq(group + 1 == last_group),
                            place.eq(next_group),
                            at_segment.eq(next_group),
                            at_token.eq(next_group),
                            at_group.eq(next_group),
                        ]
                        with m.If(group_ends):
                            m.d.sync += [group.eq(0), active.eq(0)]
        m.d.sync += begins.eq(self.start)
        with m.If(begins):
            m.d.sync += [
                active.eq(1),
                index_ends.eq(last_index == 0),
                segment_ends.eq(last_segment == 0),
                token_ends.eq(last_token == 0),
                group_ends.eq(last_group == 0),
                *(at.eq(f.base) for at in (place, at_segment, at_token, at_group)),
            ]

        # What was read waits behind the word in use: there is room for it since the request.
        arrives, ahead, moves, used_up = Signal(), Signal(), Signal(), Signal()
        arrives_other, complete = Signal(), Signal()
        next_words = [
            Signal(c.lanes * VALUE.bits, name=f"next_word{i}", reset_less=True)
            for i in range(c.dense_tokens)
        ]
        m.d.comb += [
            used_up.eq(self.word.valid & self.word.ready),
            moves.eq(ahead & (used_up | ~self.word.valid)),
        ]
        m.d.sync += [
            arrives.eq(granted),
            arrives_other.eq(other),
            complete.eq(moves_on),
            ahead.eq(complete | (ahead & ~moves)),
            room.eq(room - (granted & ~other) + used_up),
        ]
        for which, next_word in enumerate(next_words):
            with m.If(arrives & (arrives_other == which)):
                m.d.sync += next_word.eq(Mux(from_u, self.u.data, self.x.data))
        with m.If(moves):
            m.d.sync += [self.word.valid.eq(1), self.word.payload.eq(Cat(next_words))]
        with m.Elif(used_up):
            m.d.sync += self.word.valid.eq(0)
        return m
