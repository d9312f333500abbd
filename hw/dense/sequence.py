"""The steps of a DENSE command: the bias, then the pairs, of every token of every group."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.dense.layouts import COMMAND, TARGET, by_pairs, result_cycles
from hw.dense.layouts import step as step_layout
from hw.dense.places import Places
from hw.dense.results import TOKENS
from hw.interfaces import MemoryRead
from hw.spec.commands import Operand
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE


class Sequence(wiring.Component):
    """One step a cycle: a half of the bias, a pair of operands, or an element of pooled channels.

    A step goes when its operand word is here, its parameter word, if it reads one, is granted, and
    no beat takes the lanes' multipliers.  A token's last step waits until its sums will find the
    sums of the token before read.  Where tokens go by pairs a step is one of both.

    Latency: a step in the first cycle of an operand word; a step a cycle, also from word to word
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
    taken : In(1)
        A beat takes the multipliers.
    word : In(stream of `lanes` values)
        Operand words, exactly the command's; above it, of the token beside it (`dense_tokens` = 2).
    address : Out(parameter address)
        Of the parameter word that the step reads.
    request : Out(1)
        The step reads a parameter word.
    grant : In(1)
        The memory gives it.
    step : Out(step)
        This cycle's step; all flags are low when there is none.
    expected : Out(1)
        A token's last step, and behind it the pair's other token.
    target : Out(TARGET)
        With `expected`: where the result goes.
    free : In(1)
        A token's result has been written.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        address = MemoryRead(c.parameter_words, 1).members["address"].shape
        super().__init__(
            {
                "command": In(COMMAND),
                "start": In(1),
                "stall": In(1),
                "taken": In(1),
                "word": In(stream.Signature(c.lanes * VALUE.bits * c.dense_tokens)),
                "address": Out(address),
                "request": Out(1),
                "grant": In(1),
                "step": Out(step_layout(c)),
                "expected": Out(1),
                "target": Out(TARGET),
                "free": In(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, f, step = self._c, self.command, self.step
        m.submodules.places = places = Places(c)
        by_two = Signal()
        m.d.sync += by_two.eq(by_pairs(c, f))
        active, in_bias, upper = Signal(), Signal(), Signal()

        # What follows from the command, registered: its first step is later.
        two, pooling, begins = (Signal(name=name) for name in ("two", "pooling", "begins"))
        steps, segments = Signal(len(f.pairs) + 1), Signal.like(f.segments)  # less one
        last_taken = Signal.like(f.pool)
        m.d.sync += [
            begins.eq(self.start),
            two.eq((f.operand != Operand.PIXEL) & (f.pool == 0)),
            pooling.eq(f.pool != 0),
            steps.eq(Mux(f.pool != 0, f.pairs << 1, f.pairs) - 1),
            segments.eq(f.segments - 1),
            last_taken.eq(f.pool - 1),
        ]

        # Where in the token: steps left in the segment, segments left, and whether none is.
        steps_left, segments_left = Signal.like(steps), Signal.like(segments)
        segment_end, last_segment = Signal(), Signal()
        finishing, may_finish = Signal(), Signal()
        m.d.comb += finishing.eq(segment_end & last_segment & ~in_bias)

        # Whether there is a step.
        wants, goes, multiplies, token_end = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            wants.eq(
                active
                & ~self.stall
                & ~self.taken
                & (in_bias | self.word.valid)
                & (may_finish | ~finishing)
            ),
            self.request.eq(wants & (in_bias | ~pooling)),
            goes.eq(wants & (~self.request | self.grant)),
            multiplies.eq(goes & ~in_bias),
            token_end.eq(goes & finishing),
        ]

        # The next elements of the operand word.
        element = Signal(range(c.lanes))
        size = c.lanes * VALUE.bits

        def elements(word: Value) -> Value:
            pair = word.word_select(element >> 1, 2 * VALUE.bits)
            first, second = pair[: VALUE.bits], pair[VALUE.bits :]
            return Cat(Mux(element[0], second, first), second)

        m.d.comb += self.word.ready.eq(
            multiplies & (segment_end | (element >> two == (c.lanes - 1) >> two))
        )
        with m.If(self.word.ready):
            m.d.sync += element.eq(0)
        with m.Elif(multiplies):
            m.d.sync += element.eq(element + 1 + two)

        # Elements of the lane that pools.
        elements_taken, lane_end = Signal.like(f.pool), Signal()
        m.d.comb += lane_end.eq(elements_taken == last_taken)
        with m.If(multiplies & pooling):
            m.d.sync += elements_taken.eq(Mux(lane_end, 0, elements_taken + 1))

        # Steps of a token.
        with m.If(multiplies):
            m.d.sync += [steps_left.eq(steps_left - 1), segment_end.eq(steps_left == 1)]
            with m.If(segment_end):
                m.d.sync += [
                    steps_left.eq(steps),
                    segment_end.eq(steps == 0),
                    segments_left.eq(segments_left - 1),
                    last_segment.eq(segments_left == 1),
                ]
            with m.If(finishing):
                m.d.sync += [
                    segments_left.eq(segments),
                    last_segment.eq(segments == 0),
                    in_bias.eq(f.bias),
                ]
        with m.Elif(goes):
            m.d.sync += [upper.eq(~upper), in_bias.eq(~upper)]
        with m.If(token_end & places.last):
            m.d.sync += active.eq(0)
        with m.If(begins):
            m.d.sync += [
                active.eq(1),
                in_bias.eq(f.bias),
                steps_left.eq(steps),
                segment_end.eq(steps == 0),
                segments_left.eq(segments),
                last_segment.eq(segments == 0),
            ]

        # Sums are read for a while.  What is behind a step moves in the cycles that are not taken,
        # so last steps as many of those apart arrive at least as many cycles apart.
        cycles = result_cycles(c)
        apart, unwritten = Signal(range(2 * cycles)), Signal(range(TOKENS + 1))
        m.d.comb += may_finish.eq(
            (apart == 0) & Mux(by_two, unwritten < 2, unwritten != Mux(f.bias, TOKENS - 1, TOKENS))
        )
        with m.If(token_end):
            m.d.sync += apart.eq(Mux(f.bias | by_two, 2 * cycles - 1, cycles - 1))
        with m.Elif((apart != 0) & ~self.taken):
            m.d.sync += apart.eq(apart - 1)
        both, other, other_last = Signal(), Signal(), Signal()
        other_target = Signal.like(self.target.word)
        m.d.comb += both.eq(token_end & by_two & ~places.alone)
        m.d.sync += [
            unwritten.eq(unwritten + self.expected - self.free),
            other.eq(both),
            other_last.eq(places.last),
            other_target.eq(places.target + f.destination_token),
        ]

        m.d.comb += [
            places.command.eq(f),
            places.start.eq(begins),
            places.read.eq(goes & self.request),
            places.token_end.eq(token_end),
            places.two.eq(by_two),
            self.address.eq(places.parameter),
            self.expected.eq(token_end | other),
            self.target.word.eq(Mux(other, other_target, places.target)),
            self.target.last.eq(Mux(other, other_last, places.last & ~both)),
            step.elements.eq(elements(self.word.payload[:size])),
            step.multiply.eq(multiplies),
            step.lane_end.eq(lane_end),
            step.bias.eq(goes & in_bias),
            step.upper.eq(upper),
            step.finish.eq(token_end),
        ]
        if c.dense_tokens == 2:
            m.d.comb += [step.second.eq(elements(self.word.payload[size:])), step.both.eq(both)]
        return m
