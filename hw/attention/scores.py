"""Score beats to table indices."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from hw.attention.layouts import (
    TILES_IN_FLIGHT,
    arrival_fields,
    index_bits,
    index_stream,
    tile_stream,
)
from hw.interfaces import accumulator_word, score_trace
from hw.spec.configuration import Configuration


class Scores(wiring.Component):
    """Index of every key: ``index = min(max(score - padding - index_base, 0), exp_entries - 1)``.

    A tile's beats come token by token inside a key group, key groups outer; the walk gives each
    beat its token and the mask of its lanes that are keys (below M).

    Latency 3 cycles (2 to the trace); a beat a cycle; no back-pressure: tiles are admitted whole.
    Golden partner: `index_j` of ``hw.spec.numerics``, attention.  Validated for any 16-bit score.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    tile : In(stream of tile fields, always ready)
        Admitted tiles, in order, each before its first beat.
    score_valid : In(1)
        A score beat is there.
    score : In(array of `lanes` accumulators)
        One query, `lanes` keys: popcounts, padding included.
    beat : Out(stream of index beats, always ready)
        The same beats as indices.
    trace_score_valid : Out(1)
        `trace_score` shows a beat.
    trace_score : Out(score trace)
        Tag and popcounts less padding.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "tile": In(tile_stream(c)),
                "score_valid": In(1),
                "score": In(accumulator_word(c)),
                "beat": Out(index_stream(c)),
                "trace_score_valid": Out(1),
                "trace_score": Out(score_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._c
        lane_bits = (c.lanes - 1).bit_length()

        layout = arrival_fields()
        m.submodules.tiles = tiles = SyncFIFO(width=layout.size, depth=TILES_IN_FLIGHT)
        fields = data.View(layout, tiles.r_data)
        m.d.comb += [
            tiles.w_data.eq(self.tile.payload.arrival),
            tiles.w_en.eq(self.tile.valid),
        ]

        token = Signal.like(fields.tokens)
        group = Signal.like(fields.groups)
        last_token, last_group = Signal(), Signal()
        m.d.comb += [
            last_token.eq(token == fields.tokens - 1),
            last_group.eq(group == fields.groups - 1),
            tiles.r_en.eq(self.score_valid & last_token & last_group),
        ]
        with m.If(self.score_valid):
            m.d.sync += token.eq(token + 1)
            with m.If(last_token):
                m.d.sync += [token.eq(0), group.eq(group + 1)]
                with m.If(last_group):
                    m.d.sync += group.eq(0)

        # Stage 1: the beat beside the fields of its tile.
        score1 = Signal(accumulator_word(c), reset_less=True)
        fields1 = Signal(layout, reset_less=True)
        whole1, partial1 = Signal(), Signal()
        m.d.sync += [
            score1.eq(self.score),
            fields1.eq(fields),
            whole1.eq(group < fields["keys"][lane_bits:]),
            partial1.eq(group == fields["keys"][lane_bits:]),
        ]

        # Stage 2: both differences, and which lanes are keys.
        pop2 = Signal(accumulator_word(c), reset_less=True)
        above2 = Signal(data.ArrayLayout(signed(17), c.lanes), reset_less=True)
        mask2 = Signal(c.lanes, reset_less=True)
        m.d.sync += self.trace_score.tag.eq(fields1.tag)
        m.d.comb += self.trace_score.pop.eq(pop2)
        for lane in range(c.lanes):
            m.d.sync += [
                pop2[lane].eq(score1[lane] - fields1.padding),
                above2[lane].eq(score1[lane] - fields1.bias),
                mask2[lane].eq(whole1 | (partial1 & (lane < fields1["keys"][:lane_bits]))),
            ]

        # Stage 3: clamp, by the bits above an index.
        out = self.beat.payload
        bits = index_bits(c)
        for lane in range(c.lanes):
            index, more, negative = above2[lane][:bits], above2[lane][bits:-1], above2[lane][-1]
            clamped = Mux(more.any(), ~0, index)[:bits]
            m.d.sync += out.index[lane].eq(Mux(negative, 0, clamped))
        m.d.sync += out.mask.eq(mask2)

        walk = [self.score_valid, token, group == 0, last_group, last_group & last_token]
        for stage in range(3):
            walk_next = [
                Signal(len(value), name=f"walk{stage + 1}_{i}") for i, value in enumerate(walk)
            ]
            m.d.sync += Cat(*walk_next).eq(Cat(*walk))
            walk = walk_next
            if stage == 1:
                m.d.comb += self.trace_score_valid.eq(walk[0])
        m.d.comb += [
            self.beat.valid.eq(walk[0]),
            out.token.eq(walk[1]),
            out.first.eq(walk[2]),
            out.final.eq(walk[3]),
            out.last.eq(walk[4]),
        ]
        return m
