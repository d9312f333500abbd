"""The last sum of a beat's addresses: its channel group, key and set of words."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.lanes.beat import beat_layout, bits_layout, store_layout
from hw.lanes.pool import POOL_LEVELS
from hw.spec.commands import Bits
from hw.spec.configuration import Configuration


class Addressing(wiring.Component):
    """Where a beat's values and bits go; g is the beat's channel group.

    Values: ``destination_word + g``, pooled ``destination_word + (g >> pool)``, part
    ``g mod 2**pool``, kept while the next inner group has the same word.  Bits: ``bits_word`` plus
    ``g*lanes//64`` (ROW), plus ``(g*lanes//64)*group_tiles + (key mod lanes)//columns`` (KEY), plus
    ``(key//64)*group_tiles`` (VALUE).  Latency 1 cycle; one beat a cycle; no back-pressure.
    Golden partner: none (addresses).

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    beat : In(beat_layout)
        [1] A beat.
    store : Out(store_layout)
        [2] Where its values go.
    place : Out(bits_layout)
        [2] Where its bits go.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "beat": In(beat_layout(c)),
                "store": Out(store_layout(c)),
                "place": Out(bits_layout(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        beat, store, place = self.beat, self.store, self.place
        m.d.sync += [
            store.destination.eq(beat.destination),
            store.pooled.eq(beat.pooled),
            store.pool.eq(beat.pool),
            store.part.eq(0),
            store.word.eq(beat.destination_word + beat.group),
            store.slot.eq(beat.slot),
            store.first.eq(beat.first),
            store.kept.eq(0),
        ]
        with m.If(beat.pooled), m.Switch(beat.pool):
            for level in range(1, POOL_LEVELS + 1):
                with m.Case(level):
                    m.d.sync += [
                        store.word.eq(beat.destination_word + (beat.group >> level)),
                        store.part.eq(beat.group[:level]),
                        store.kept.eq(beat.inner & (beat.group[level:] == beat.next_group[level:])),
                    ]

        def bits_of(number: int) -> int:
            return number.bit_length() - 1

        lane, part, tile = bits_of(c.lanes), bits_of(64 // c.lanes), bits_of(c.group_tiles)
        channel_word, channel_part = beat.group >> part, beat.group[:part]
        key_tile = beat.key[bits_of(c.columns) : lane]
        m.d.sync += [
            place.bits.eq(beat.bits),
            place.step.eq(beat.bits_set),
            place.sets.eq(beat.sets),
            place.slot.eq(beat.slot),
            place.column.eq(beat.key % c.columns),
            place.index.eq(beat.key % c.lanes),
            place.flush.eq(beat.flush),
            place.part.eq(channel_part),
        ]
        with m.Switch(beat.bits):
            with m.Case(Bits.ROW):
                m.d.sync += place.word.eq(beat.bits_word + channel_word)
            with m.Case(Bits.KEY):
                m.d.sync += place.word.eq(beat.bits_word + Cat(key_tile, channel_word))
            with m.Case(Bits.VALUE):
                m.d.sync += [
                    place.word.eq(beat.bits_word + Cat(Const(0, tile), beat.key[6:])),
                    place.part.eq(beat.key[lane:6]),
                ]
        return m
