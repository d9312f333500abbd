"""Attention bits: stored indices against their query's threshold, into row memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
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

RESULTS = 8
"""Beats of bits from asking for their indices to their write, which takes 3 cycles at least."""


class Compare(wiring.Component):
    """Attention bits: ``bit = (index >= threshold) and key < M``, `lanes` keys of a query a cycle.

    Indices go into the score memory, a ring, as they arrive, and come out in the same order once
    the tile's last threshold is there.  Key group g of a tile is written to word
    ``address + (g*lanes)//64``, part ``(g*lanes % 64)/lanes``, of the query's slot.

    A tile of n beats takes n cycles while every write is granted, the next tile follows at once;
    a bit is written 2 cycles after its index was asked for.  A write that is not granted holds
    those behind it in a queue; an index is asked for when its bits will find room there.
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
        # The tile that is walked has left the queue for a register.
        m.submodules.tiles = tiles = SyncFIFO(width=layout.size, depth=TILES_IN_FLIGHT)
        fields, held = Signal(layout, reset_less=True), Signal()
        following, load = data.View(layout, tiles.r_data), Signal()
        m.d.comb += [
            tiles.w_data.eq(self.tile.payload.write),
            tiles.w_en.eq(self.tile.valid),
            load.eq(tiles.r_rdy & (~held | self.freed)),
            tiles.r_en.eq(load),
        ]
        m.d.sync += held.eq(load | (held & ~self.freed))

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

        # Walk: token inside key group, as the beats came.  A tile's fields are there long before
        # its last threshold.
        step, room = Signal(), Signal(range(RESULTS + 1), init=RESULTS)
        token = Signal.like(fields.tokens)
        group = Signal.like(fields.groups)
        last_token, last_group = Signal(), Signal()
        m.d.comb += [
            step.eq((pending != 0) & (room != 0) & ~self.stall),
            self.freed.eq(step & last_token & last_group),
            self.freed_words.eq(fields.reserved),
            threshold_read.addr.eq(Cat(token[:tokens], draining)),
        ]
        with m.If(step):
            m.d.sync += [
                recall.addr.eq(recall.addr + 1),
                token.eq(token + 1),
                last_token.eq(token + 2 == fields.tokens),
            ]
            with m.If(last_token):
                m.d.sync += [
                    token.eq(0),
                    last_token.eq(fields.tokens == 1),
                    group.eq(group + 1),
                    last_group.eq(group + 2 == fields.groups),
                ]
                with m.If(last_group):
                    m.d.sync += [group.eq(0), draining.eq(draining + 1)]
        with m.If(load):
            m.d.sync += [
                fields.eq(following),
                last_token.eq(following.tokens == 1),
                last_group.eq(following.groups == 1),
            ]

        # Recall: the memory's word beside its threshold and place.
        place = data.StructLayout(
            {
                "slot": c.rows,
                "address": len(fields.address),
                "part": part_bits,
                "tag": 12,
                "last": 1,
            }
        )
        valid1, place1 = Signal(), Signal(place, reset_less=True)
        threshold1 = Signal(index_bits(c) + 1, reset_less=True)
        whole1, partial1 = Signal(), Signal()
        end1 = Signal(lane_bits, reset_less=True)
        m.d.sync += [
            valid1.eq(step),
            place1.slot.eq(1 << token),
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
        result = data.StructLayout({"bits": c.lanes, "place": place})
        m.submodules.results = results = SyncFIFO(width=result.size, depth=RESULTS)
        bits1 = Signal(c.lanes)
        index = data.View(data.ArrayLayout(index_bits(c), c.lanes), recall.data)
        m.d.comb += [
            *(
                bits1[lane].eq(
                    ~(index[lane] - threshold1)[-1] & (whole1 | (partial1 & (lane < end1)))
                )
                for lane in range(c.lanes)
            ),
            results.w_data.eq(Cat(bits1, place1)),
            results.w_en.eq(valid1),
        ]

        # Write: every slot sees the same bits, the query's slot the request.
        out, granted = data.View(result, results.r_data), Signal()
        for slot, port in enumerate(self.row_write):
            m.d.comb += [
                port.address.eq(out.place.address),
                port.data.eq(out.bits.replicate(1 << part_bits)),
                port.mask.eq(1 << out.place.part),
                port.request.eq(results.r_rdy & out.place.slot[slot]),
            ]
        grants = Cat(port.grant for port in self.row_write)
        m.d.comb += [
            granted.eq(results.r_rdy & (grants & out.place.slot).any()),
            results.r_en.eq(granted),
            self.trace_probability_valid.eq(granted),
            self.trace_probability.tag.eq(out.place.tag),
            self.trace_probability.bits.eq(out.bits),
        ]
        m.d.sync += [
            room.eq(room - step + granted),
            self.done.eq(granted & out.place.last),
        ]
        return m
