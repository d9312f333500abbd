"""Limits of the queries: the share c/2 of each total."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from hw.attention.layouts import (
    LIMIT_BITS,
    TILES_IN_FLIGHT,
    TOTAL_BITS,
    limit_stream,
    scale_fields,
    tile_stream,
    total_stream,
)
from hw.spec.configuration import Configuration
from hw.spec.numerics import EXP, PROBABILITY_SCALE

LATENCY = 8


class Limit(wiring.Component):
    """Limit of every query: ``limit = min((scale*total) >> scale_shift, 2**24)``.

    Two 18 x 16 bit multipliers (registered as the DSP slices are), their sum, a shift in three
    steps of 2 bits of the distance, and the saturation; exact.

    Latency 8 cycles; a query a cycle; no back-pressure.
    Golden partner: `limit` of ``hw.spec.numerics``, attention.  Validated for all totals, scales
    and shifts.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    tile : In(stream of tile fields, always ready)
        Admitted tiles, in order, each before its first total.
    total : In(stream of totals, always ready)
        Totals of the queries.
    limit : Out(stream of limits, always ready)
        Their limits.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "tile": In(tile_stream(c)),
                "total": In(total_stream(c)),
                "limit": Out(limit_stream(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        layout = scale_fields()
        m.submodules.tiles = tiles = SyncFIFO(width=layout.size, depth=TILES_IN_FLIGHT)
        fields = data.View(layout, tiles.r_data)
        m.d.comb += [
            tiles.w_data.eq(self.tile.payload.scale),
            tiles.w_en.eq(self.tile.valid),
            tiles.r_en.eq(self.total.valid & self.total.payload.last),
        ]

        def register(name: str, value) -> Signal:
            later = Signal(len(value), name=name, reset_less=True)
            m.d.sync += later.eq(value)
            return later

        low_bits = 18
        product_bits = TOTAL_BITS + PROBABILITY_SCALE.bits
        total = self.total.payload.total
        low, high = register("low", total[:low_bits]), register("high", total[low_bits:])
        scale, shift = register("scale", fields.scale), register("shift1", fields.shift)
        low, high = register("low_product", low * scale), register("high_product", high * scale)
        shift = register("shift2", shift)
        low, high = register("low_output", low), register("high_output", high)
        shift = register("shift3", shift)
        # The lowest bits of the sum are those of the low product.
        product = register(
            "product", Cat(low[:low_bits], (high + low[low_bits:])[: product_bits - low_bits])
        )
        shift = register("shift4", shift)
        for step, at in enumerate((4, 2, 0)):
            product = register(f"shifted{step}", product >> (shift[at : at + 2] << at))
            shift = register(f"shift{step + 5}", shift)
        saturated = Mux(product[EXP.bits :].any(), 1 << EXP.bits, product[: EXP.bits])
        limit = register("saturated", saturated)
        assert len(limit) == LIMIT_BITS

        walk = Cat(self.total.payload.token, self.total.payload.last)
        valid = self.total.valid
        for stage in range(LATENCY):
            walk = register(f"walk{stage}", walk)
            valid_next = Signal(name=f"valid{stage}")
            m.d.sync += valid_next.eq(valid)
            valid = valid_next
        m.d.comb += [
            self.limit.valid.eq(valid),
            self.limit.payload.limit.eq(limit),
            Cat(self.limit.payload.token, self.limit.payload.last).eq(walk),
        ]
        return m
