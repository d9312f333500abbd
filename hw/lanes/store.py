"""Writes a beat's values to x or u memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import u_write, value_word, x_write
from hw.lanes.beat import store_layout
from hw.lanes.pool import POOL_LEVELS
from hw.spec.commands import Source
from hw.spec.configuration import Configuration


class StoreValues(wiring.Component):
    """Whole words, or for pooled values the ``lanes / 2**pool`` lanes of their part.

    Latency 1 cycle from `store`; one word a cycle; no back-pressure.  Golden partner: none.

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
                "store": In(store_layout()),
                "word": In(value_word(c)),
                "x_write": Out(x_write(c)),
                "u_write": Out(u_write(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        lanes = self._configuration.lanes
        address, mask = Signal(13, reset_less=True), Signal(lanes, reset_less=True)
        m.d.sync += [address.eq(self.store.word), mask.eq(~0)]
        with m.Switch(Mux(self.store.pooled, self.store.pool, 0)):
            for level in range(1, POOL_LEVELS + 1):
                values = lanes >> level
                with m.Case(level), m.Switch(self.store.part):
                    for part in range(1 << level):
                        with m.Case(part):
                            m.d.sync += mask.eq(((1 << values) - 1) << (part * values))
        for port, source in ((self.x_write, Source.X), (self.u_write, Source.U)):
            request = Signal(name=f"request_{source.name.lower()}")
            m.d.sync += request.eq(self.valid & (self.store.destination == source))
            m.d.comb += [
                port.request.eq(request),
                port.address.eq(address),
                port.mask.eq(mask),
                port.data.eq(self.word),
            ]
        return m
