"""The attention unit: raw scores in, attention bits in row memory out."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.attention.admit import Admit
from hw.attention.compare import Compare
from hw.attention.limit import Limit
from hw.attention.scores import Scores
from hw.attention.search import Search
from hw.attention.sum import Sum
from hw.interfaces import (
    accumulator_word,
    command_stream,
    exp_write,
    probability_trace,
    row_write,
    score_trace,
)
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration


class Attention(wiring.Component):
    """Binary attention bits of queries: a bit is 1 where softmax probability exceeds c/2.

    ``score -> index -> entry -> total -> limit -> threshold``, then ``bit = index >= threshold``
    over the stored indices (equal to ``E[index] > limit`` as E does not decrease).  The way to the
    thresholds is a pipeline without a stop: a tile is admitted only if all of it has room.

    A score beat a cycle.  The first bit of a tile is written ``17 + log2(lanes) +
    2*log2(exp_entries)`` cycles after its last score beat; a tile's n beats of bits take n cycles
    while row memory grants them, and overlap with the following tiles, of any command: 8 tiles
    may be in flight, so tiles of 6 beats and more run at the array's pace.
    Golden partner: attention of ``hw.spec.numerics``.  Validated for non-decreasing tables,
    1..4095 keys, tiles of at most `score_words` score words; the table must not be written while
    tiles are in flight.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of SCORE)
        Commands, in the array's order.
    score_valid : In(1)
        A score beat is there; a tile's beats come after its `score_tile`, token by token inside a
        key group.
    score : In(array of `lanes` accumulators)
        One query, `lanes` keys: popcounts, padding included.
    score_ready : Out(1)
        One more whole tile may be issued; low without its command.
    score_tile : In(1)
        A tile is issued (only with `score_ready`).
    row_write : Out(row memory write).array(rows)
        A port a token slot; any may have to wait for its grant.
    exp_write : In(exp table write)
        An entry of the exponential table; always granted.
    stall : In(1)
        `score_ready` is low and no index is compared; beats under way are still taken.
    busy : Out(1)
        A score beat arrives or bits are written.
    done : Out(1)
        Pulse: the last attention bit of a command is visible.
    trace_score_valid : Out(1)
        `trace_score` shows a score beat.
    trace_score : Out(score trace)
        Its tag and popcounts less padding.
    trace_probability_valid : Out(1)
        `trace_probability` shows a write.
    trace_probability : Out(probability trace)
        Its tag and bits.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.SCORE)),
                "score_valid": In(1),
                "score": In(accumulator_word(c)),
                "score_ready": Out(1),
                "score_tile": In(1),
                "row_write": Out(row_write(c)).array(c.rows),
                "exp_write": In(exp_write(c)),
                "stall": In(1),
                "busy": Out(1),
                "done": Out(1),
                "trace_score_valid": Out(1),
                "trace_score": Out(score_trace(c)),
                "trace_probability_valid": Out(1),
                "trace_probability": Out(probability_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._c
        m.submodules.admit = admit = Admit(c)
        m.submodules.scores = scores = Scores(c)
        m.submodules.sum = total = Sum(c)
        m.submodules.limit = limit = Limit(c)
        m.submodules.search = search = Search(c)
        m.submodules.compare = compare = Compare(c)

        wiring.connect(m, wiring.flipped(self.command), admit.command)
        m.d.comb += [
            self.score_ready.eq(admit.score_ready),
            admit.score_tile.eq(self.score_tile),
            admit.stall.eq(self.stall),
        ]
        for consumer in (scores, limit, compare):
            m.d.comb += [
                consumer.tile.valid.eq(admit.tile.valid),
                consumer.tile.payload.eq(admit.tile.payload),
            ]

        m.d.comb += [
            scores.score_valid.eq(self.score_valid),
            scores.score.eq(self.score),
        ]
        for consumer in (total, compare):
            m.d.comb += [
                consumer.beat.valid.eq(scores.beat.valid),
                consumer.beat.payload.eq(scores.beat.payload),
            ]
        wiring.connect(m, total.total, limit.total)
        wiring.connect(m, limit.limit, search.limit)
        wiring.connect(m, search.threshold, compare.threshold)

        m.d.comb += [
            compare.stall.eq(self.stall),
            admit.freed.eq(compare.freed),
            admit.freed_words.eq(compare.freed_words),
            self.done.eq(compare.done),
        ]
        for mine, port in zip(self.row_write, compare.row_write, strict=True):
            wiring.connect(m, wiring.flipped(mine), port)

        m.d.comb += self.exp_write.grant.eq(1)
        for table in (total, search):
            m.d.comb += [
                table.write.address.eq(self.exp_write.address),
                table.write.data.eq(self.exp_write.data),
                table.write.request.eq(self.exp_write.request),
            ]

        m.d.comb += [
            self.busy.eq(self.score_valid | compare.trace_probability_valid),
            self.trace_score_valid.eq(scores.trace_score_valid),
            self.trace_score.eq(scores.trace_score),
            self.trace_probability_valid.eq(compare.trace_probability_valid),
            self.trace_probability.eq(compare.trace_probability),
        ]
        return m
