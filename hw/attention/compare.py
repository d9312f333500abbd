"""Attention bits: stored indices against their query's threshold, into row memory."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.attention.layouts import (
    TILES_IN_FLIGHT,
    index_bits,
    index_stream,
    reserve_bits,
    threshold_stream,
    tile_stream,
    token_bits,
    write_fields,
)
from hw.interfaces import probability_trace, row_write
from hw.spec.configuration import Configuration


class Compare(wiring.Component):
    """Attention bits: ``bit = (index >= threshold) and key < M``, `lanes` keys of a query a cycle.

    Indices go into the score memory, a ring, as they arrive, and come out in the same order once
    the tile's last threshold is there.  Key group g of a tile is written to word
    ``address + (g*lanes)//64``, part ``(g*lanes % 64)/lanes``, of the query's slot.

    A tile of n beats takes n cycles while every write is granted, the next tile follows at once;
    a bit is written 3 cycles after its index was asked for.  A write that is not granted holds
    everything behind it.
    Golden partner: `bit_j` of ``hw.spec.numerics``, attention.  Validated for 1..rows tokens and
    1..4095 keys.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    tile : In(stream of tile fields, always ready)
        Admitted tiles, in order.
    beat : In(stream of index beats, always ready)
        Indices to keep.
    threshold : In(stream of thresholds, always ready)
        Least index of a bit of 1, a query, after the query's last index.
    stall : In(1)
        No index is read in this cycle.
    row_write : Out(row memory write).array(rows)
        A port a token slot; one has a request at a time.
    freed : Out(1)
        The tile's score words were all read.
    freed_words : Out(number)
        How many were reserved.
    done : Out(1)
        The last bits of a command are visible.
    trace_probability_valid : Out(1)
        `trace_probability` shows a write.
    trace_probability : Out(probability trace)
        Tag and bits of the write.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "tile": In(tile_stream(c)),
                "beat": In(index_stream(c)),
                "threshold": In(threshold_stream(c)),
                "stall": In(1),
                "row_write": Out(row_write(c)).array(c.rows),
                "freed": Out(1),
                "freed_words": Out(reserve_bits(c)),
                "done": Out(1),
                "trace_probability_valid": Out(1),
                "trace_probability": Out(probability_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._c
        lane_bits = (c.lanes - 1).bit_length()
        part_bits = 6 - lane_bits  # a row word holds 2**part_bits key groups
        tokens = token_bits(c)

        layout = write_fields(c)
        m.submodules.tiles = tiles = SyncFIFO(width=layout.size, depth=TILES_IN_FLIGHT)
        fields = data.View(layout, tiles.r_data)
        m.d.comb += [
            tiles.w_data.eq(self.tile.payload.write),
            tiles.w_en.eq(self.tile.valid),
        ]

        # Score memory: a ring, so that tiles of any size share it.
        m.submodules.scores = scores = Memory(
            shape=c.lanes * index_bits(c), depth=c.score_words, init=[]
        )
        keep, recall = scores.write_port(), scores.read_port()
        with m.If(self.beat.valid):
            m.d.sync += keep.addr.eq(keep.addr + 1)
        m.d.comb += [
            keep.data.eq(self.beat.payload.index),
            keep.en.eq(self.beat.valid),
        ]

        # Thresholds by tile place and token; a tile starts when its last one is there.
        place_bits = (TILES_IN_FLIGHT - 1).bit_length()
        m.submodules.thresholds = thresholds = Memory(
            shape=index_bits(c) + 1,
            depth=1 << (place_bits + tokens),
            init=[],
            attrs={"ram_style": "distributed"},
        )
        threshold_write = thresholds.write_port()
        threshold_read = thresholds.read_port(domain="comb")
        filling, draining = Signal(place_bits), Signal(place_bits)
        complete = Signal()
        m.d.comb += [
            complete.eq(self.threshold.valid & self.threshold.payload.last),
            threshold_write.addr.eq(Cat(self.threshold.payload.token, filling)),
            threshold_write.data.eq(self.threshold.payload.threshold),
            threshold_write.en.eq(self.threshold.valid),
        ]
        m.d.sync += filling.eq(filling + complete)
        pending = Signal(range(TILES_IN_FLIGHT + 1))
        m.d.sync += pending.eq(pending + complete - self.freed)

        # Walk: token inside key group, as the beats came.
        advance, step = Signal(), Signal()
        token = Signal.like(fields.tokens)
        group = Signal.like(fields.groups)
        last_token, last_group = Signal(), Signal()
        m.d.comb += [
            step.eq((pending != 0) & advance & ~self.stall),
            last_token.eq(token == fields.tokens - 1),
            last_group.eq(group == fields.groups - 1),
            self.freed.eq(step & last_token & last_group),
            self.freed_words.eq(fields.reserved),
            tiles.r_en.eq(self.freed),
            recall.en.eq(advance),
            threshold_read.addr.eq(Cat(token[:tokens], draining)),
        ]
        with m.If(step):
            m.d.sync += [recall.addr.eq(recall.addr + 1), token.eq(token + 1)]
            with m.If(last_token):
                m.d.sync += [token.eq(0), group.eq(group + 1)]
                with m.If(last_group):
                    m.d.sync += [group.eq(0), draining.eq(draining + 1)]

        # Recall: the memory's word beside its threshold and place.
        valid1, valid2 = Signal(), Signal()
        place = data.StructLayout(
            {
                "token": tokens,
                "address": len(fields.address),
                "part": part_bits,
                "tag": 12,
                "last": 1,
            }
        )
        place1, place2 = Signal(place, reset_less=True), Signal(place, reset_less=True)
        threshold1 = Signal(index_bits(c) + 1, reset_less=True)
        whole1, partial1 = Signal(), Signal()
        end1 = Signal(lane_bits, reset_less=True)
        with m.If(advance):
            m.d.sync += [
                valid1.eq(step),
                place1.token.eq(token),
                place1.address.eq(fields.address + group[part_bits:]),
                place1.part.eq(group[:part_bits]),
                place1.tag.eq(fields.tag),
                place1.last.eq(fields.last & last_token & last_group),
                threshold1.eq(threshold_read.data),
                whole1.eq(group < fields["keys"][lane_bits:]),
                partial1.eq(group == fields["keys"][lane_bits:]),
                end1.eq(fields["keys"][:lane_bits]),
            ]

        # Compare.
        bits2 = Signal(c.lanes, reset_less=True)
        index = data.View(data.ArrayLayout(index_bits(c), c.lanes), recall.data)
        with m.If(advance):
            m.d.sync += [valid2.eq(valid1), place2.eq(place1)]
            for lane in range(c.lanes):
                m.d.sync += bits2[lane].eq(
                    ~(index[lane] - threshold1)[-1] & (whole1 | (partial1 & (lane < end1)))
                )

        # Write: every slot sees the same bits, the query's slot the request.
        granted = Signal()
        for slot, port in enumerate(self.row_write):
            m.d.comb += [
                port.address.eq(place2.address),
                port.data.eq(bits2.replicate(1 << part_bits)),
                port.mask.eq(1 << place2.part),
                port.request.eq(valid2 & (place2.token == slot)),
            ]
        grants = Array([port.grant for port in self.row_write])
        m.d.comb += [
            granted.eq(valid2 & grants[place2.token]),
            advance.eq(~valid2 | granted),
            self.trace_probability_valid.eq(granted),
            self.trace_probability.tag.eq(place2.tag),
            self.trace_probability.bits.eq(bits2),
        ]
        m.d.sync += self.done.eq(granted & place2.last)
        return m
