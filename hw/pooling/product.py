"""A pooled branch of one channel: the sum of its taps to the branch's value."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.pooling.arithmetic import fits, register, saturate
from hw.pooling.layouts import ADJUST_BITS
from hw.spec.numerics import PARAMETER, SLOPE_SHIFTS, TAP_SUM, VALUE


class Product(wiring.Component):
    """``branch = saturate_VALUE(round(gain*factor, slope_shift) + adjust)``.

    A pipeline of four stages without a stop: a member marked [k] belongs to a factor k cycles
    after it.  One factor a cycle.  Golden partner: a pooled branch of
    ``hw.spec.numerics``, with ``adjust = constant - missing*loss``.  Validated over the full range
    of every format.

    Members
    -------
    factor : In(TAP_SUM)
        [0] Saturated sum of the taps.
    gain : In(PARAMETER)
        [0] Gain of the branch.
    slope_shift : In(2)
        [1] Index into SLOPE_SHIFTS.
    adjust : In(ADJUST_BITS signed)
        [2] Added to the rounded product.
    branch : Out(VALUE)
        [4] Branch.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "factor": In(signed(TAP_SUM.bits)),
                "gain": In(signed(PARAMETER.bits)),
                "slope_shift": In(2),
                "adjust": In(signed(ADJUST_BITS)),
                "branch": Out(signed(VALUE.bits)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        product = register(m, "product", self.factor * self.gain)

        # Shift all but one bit away.  Beyond 3/4 of ADJUST_BITS' range only the sign counts: no
        # adjust leads from there back into VALUE.
        kept = ADJUST_BITS + 1
        drops = [shift - 1 for shift in SLOPE_SHIFTS]
        near = Array(fits(product >> drop, kept) for drop in drops)[self.slope_shift]
        window = Signal(kept)
        m.d.comb += window.eq(Array(product >> drop for drop in drops)[self.slope_shift])
        sign = product[-1]
        top = Mux(near, window[-3:], Cat((~sign).replicate(2), sign))
        half = register(m, "half", Cat(window[:-3], top).as_signed())

        # Round half up and adjust in one sum.
        moved = half + Cat(Const(1, 1), self.adjust).as_signed()
        total = register(m, "total", moved[1:].as_signed())
        m.d.comb += self.branch.eq(register(m, "branch", saturate(total, VALUE.bits)))
        return m
