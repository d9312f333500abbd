"""The steps of a DENSE command: pairs, then the bias, of every token of every group."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.dense.layouts import COMMAND, step_layout
from hw.dense.places import Places
from hw.interfaces import MemoryRead
from hw.spec.commands import Operand
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE


class Sequence(wiring.Component):
    """One step a cycle: a pair of PIXEL or NORMED, an element of VALUE, or a half of the bias.

    A step goes when its operand word is here and its parameter word, if it reads one, is granted.
    The steps that finish a token wait until the result before has left.  The bias comes after the
    weights although it lies in front of them, so that it needs no place to wait.

    Latency 1 cycle from an operand word to its first step; a step a cycle, also from word to word
    and token to token.  Golden partner: DENSE of ``hw.spec.commands``.  Validated within
    :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(COMMAND)
        The command, stable until its last step.
    start : In(1)
        First cycle of `command`.
    stall : In(1)
        No step in this cycle.
    word : In(stream of `lanes` values)
        Operand words, exactly the command's.
    address : Out(parameter address)
        Of the parameter word that the step reads.
    request : Out(1)
        The step reads a parameter word.
    grant : In(1)
        The memory gives it.
    step : Out(step_layout(configuration))
        This cycle's step; all flags are low when there is none.
    target : Out(13)
        With `step.finish`: u word of the result.
    last : Out(1)
        With `step.finish`: it is the command's last one.
    free : In(1)
        The result before has left.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        address = MemoryRead(c.parameter_words, 1).members["address"].shape
        super().__init__(
            {
                "command": In(COMMAND),
                "start": In(1),
                "stall": In(1),
                "word": In(stream.Signature(c.lanes * VALUE.bits)),
                "address": Out(address),
                "request": Out(1),
                "grant": In(1),
                "step": Out(step_layout(c)),
                "target": Out(13),
                "last": Out(1),
                "free": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, f, step = self._c, self.command, self.step
        m.submodules.places = places = Places(c)
        active, in_bias, upper = Signal(), Signal(), Signal()

        # What follows from the command, registered: its first step is later.
        values, two, pooling, begins = (
            Signal(name=name) for name in ("values", "two", "pooling", "begins")
        )
        steps, segments = Signal(len(f.pairs) + 1), Signal.like(f.segments)  # less one
        last_taken = Signal.like(f.pool)
        m.d.sync += [
            begins.eq(self.start),
            values.eq(f.operand == Operand.VALUE),
            two.eq(f.operand == Operand.NORMED),
            pooling.eq(f.pool != 0),
            steps.eq(Mux(f.operand == Operand.VALUE, f.pairs << 1, f.pairs) - 1),
            segments.eq(f.segments - 1),
            last_taken.eq(f.pool - 1),
        ]

        # Where in the token: steps left in the segment, segments left, and whether none is.
        steps_left, segments_left = Signal.like(steps), Signal.like(segments)
        segment_end, last_segment, high, first = (
            Signal(name=name) for name in ("segment_end", "last_segment", "high", "first")
        )
        pairs_end, finishing = Signal(), Signal()
        m.d.comb += [
            pairs_end.eq(segment_end & last_segment),
            finishing.eq(in_bias | (pairs_end & ~f.bias)),
        ]

        # Whether there is a step.
        present, held_back, wants, goes = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            wants.eq(active & ~self.stall & (in_bias | present) & ~(finishing & held_back)),
            self.request.eq(wants & ~pooling & ~(high & ~in_bias)),
            goes.eq(wants & (~self.request | self.grant)),
        ]

        # The operand word: its next elements are its lowest ones.
        rest = Signal(c.lanes * VALUE.bits, reset_less=True)
        unread = Signal(range(c.lanes + 1))
        used_up, multiplies = Signal(), Signal()
        m.d.comb += [
            multiplies.eq(goes & ~in_bias),
            used_up.eq(multiplies & (segment_end | (unread == 1 + two))),
            self.word.ready.eq(~present | used_up),
        ]
        with m.If(multiplies):
            m.d.sync += [
                rest.eq(Mux(two, rest >> 2 * VALUE.bits, rest >> VALUE.bits)),
                unread.eq(unread - 1 - two),
            ]
        with m.If(self.word.ready):
            m.d.sync += [
                present.eq(self.word.valid),
                rest.eq(self.word.payload),
                unread.eq(c.lanes),
            ]

        # The lane that pools: `pool` elements each.
        one, taken = Signal(c.lanes, init=1), Signal.like(f.pool)
        with m.If(multiplies & pooling):
            m.d.sync += taken.eq(taken + 1)
            with m.If(taken == last_taken):
                m.d.sync += [taken.eq(0), one.eq(Cat(one[-1], one[:-1]))]

        # Steps of a token.
        token_end = Signal()
        m.d.comb += token_end.eq(goes & Mux(in_bias, upper, pairs_end & ~f.bias))
        with m.If(multiplies):
            m.d.sync += [first.eq(0), high.eq(values & ~high)]
            m.d.sync += [steps_left.eq(steps_left - 1), segment_end.eq(steps_left == 1)]
            with m.If(segment_end):
                m.d.sync += [steps_left.eq(steps), segment_end.eq(steps == 0)]
                m.d.sync += [
                    segments_left.eq(segments_left - 1),
                    last_segment.eq(segments_left == 1),
                ]
            with m.If(pairs_end):
                m.d.sync += [
                    segments_left.eq(segments),
                    last_segment.eq(segments == 0),
                    first.eq(1),
                    in_bias.eq(f.bias),
                ]
        with m.Elif(goes):
            m.d.sync += [upper.eq(~upper), in_bias.eq(~upper)]

        with m.If(token_end & places.last):
            m.d.sync += active.eq(0)
        with m.If(begins):
            m.d.sync += [
                active.eq(1),
                first.eq(1),
                steps_left.eq(steps),
                segment_end.eq(steps == 0),
                segments_left.eq(segments),
                last_segment.eq(segments == 0),
            ]

        # A result is on its way from the token's end until it is written.
        with m.If(token_end):
            m.d.sync += held_back.eq(1)
        with m.Elif(self.free):
            m.d.sync += held_back.eq(0)

        m.d.comb += [
            places.command.eq(f),
            places.start.eq(begins),
            places.read.eq(step.fetched),
            places.weights_end.eq(multiplies & pairs_end),
            places.token_end.eq(token_end),
            self.address.eq(places.parameter),
            self.target.eq(places.target),
            self.last.eq(places.last),
            step.elements.eq(rest[: 2 * VALUE.bits]),
            step.multiply.eq(multiplies),
            step.first.eq(first),
            step.high.eq(high),
            step.fetched.eq(goes & self.request),
            step.one.eq(one),
            step.bias.eq(goes & in_bias),
            step.upper.eq(upper),
            step.finish.eq(token_end),
        ]
        return m
