"""Writes values to x or u memory: a word a beat, or the parts of a pooled word together."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import u_write, value_word, x_write
from hw.lanes.beat import store_layout
from hw.lanes.pool import POOL_LEVELS
from hw.spec.commands import Source
from hw.spec.configuration import Configuration

PARTS = 1 << POOL_LEVELS
"""Parts of a pooled word at most."""


class StoreValues(wiring.Component):
    """Whole words; of pooled values the parts that inner groups behind one another give.

    Values that are `kept` wait in a LUT RAM of a word a token slot for the parts that follow, and
    the last of them writes them all: so the write port is free in between.  Latency 1 cycle from
    `store`; one word a cycle; no back-pressure.  Golden partner: none.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    valid : In(1)
        [15] A beat comes.
    store : In(store_layout)
        [15] Where to.
    word : In(value_word)
        [16] Its values, pooled ones repeated over the parts.
    x_write : Out(x_write)
        [16] X memory.
    u_write : Out(u_write)
        [16] U memory.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "valid": In(1),
                "store": In(store_layout(c)),
                "word": In(value_word(c)),
                "x_write": Out(x_write(c)),
                "u_write": Out(u_write(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        lanes, store = self._configuration.lanes, self.store

        # Eighths of the word: this beat's own, those of the groups before, and all of them.  What
        # a group leaves to the next one is the same for all of its tokens.
        own, before, parts = Signal(PARTS), Signal(PARTS), Signal(PARTS)
        left, group_before = Signal(PARTS), Signal(PARTS)
        m.d.comb += own.eq(~0)
        with m.Switch(Mux(store.pooled, store.pool, 0)):
            for level in range(1, POOL_LEVELS + 1):
                eighths = PARTS >> level
                with m.Case(level):
                    m.d.comb += own.eq(
                        Const((1 << eighths) - 1, PARTS) << (store.part[:level] * eighths)
                    )
        m.d.comb += [
            before.eq(Mux(store.slot == 0, Mux(store.first, 0, left), group_before)),
            parts.eq(own | before),
        ]
        with m.If(self.valid):
            m.d.sync += [left.eq(Mux(store.kept, parts, 0)), group_before.eq(before)]

        # [16]
        address, slot = Signal(13, reset_less=True), Signal.like(store.slot, reset_less=True)
        own_now, parts_now = (Signal(PARTS, name=n, reset_less=True) for n in ("own16", "parts16"))
        keeps = Signal()
        m.d.sync += [
            address.eq(store.word),
            slot.eq(store.slot),
            own_now.eq(own),
            parts_now.eq(parts),
            keeps.eq(self.valid & store.kept),
        ]
        m.submodules.kept = kept = memory.Memory(shape=len(self.word.as_value()), depth=16, init=[])
        keep, waiting = kept.write_port(), kept.read_port(domain="comb")
        size = lanes // PARTS
        word, old = self.word.as_value(), waiting.data
        bits = len(word) // PARTS
        collected = Cat(
            Mux(own_now[i], word.word_select(i, bits), old.word_select(i, bits))
            for i in range(PARTS)
        )
        m.d.comb += [
            waiting.addr.eq(slot),
            keep.addr.eq(slot),
            keep.en.eq(keeps),
            keep.data.eq(collected),
        ]
        for port, source in ((self.x_write, Source.X), (self.u_write, Source.U)):
            request = Signal(name=f"request_{source.name.lower()}")
            m.d.sync += request.eq(self.valid & ~store.kept & (store.destination == source))
            m.d.comb += [
                port.request.eq(request),
                port.address.eq(address),
                port.mask.eq(Cat(part.replicate(size) for part in parts_now)),
                port.data.eq(collected),
            ]
        return m
