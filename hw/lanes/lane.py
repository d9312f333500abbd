"""One lane's datapath: from an accumulator to y, out and threshold bits."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import GAIN_BITS, TOTAL_BITS
from hw.spec.numerics import (
    ACCUMULATOR,
    GAIN_SHIFTS,
    PARAMETER,
    PRE,
    PRE_DROP,
    PRE_FRACTION,
    SLOPE_SHIFTS,
    SUM,
    VALUE,
)

SPLIT = 22
"""Bits of the lower half of the wide sum, which is added in two cycles."""
PARAMETER_SHAPE = signed(PARAMETER.bits)


def saturate(value: Value, bits: int) -> Value:
    """A signed value clamped to `bits` bits."""
    high = value[bits - 1 :]
    fits = high.all() | ~high.any()
    sign = value[-1]
    return Mux(fits, value[:bits], Cat((~sign).replicate(bits - 1), sign)).as_signed()


class Lane(wiring.Component):
    """One output channel: ``y``, ``out`` and three threshold bits of :mod:`hw.spec.numerics`.

    A pipeline without enable: a member marked [k] belongs to a beat k cycles after that beat's
    `accumulator`.  One beat a cycle; latency 11 to `y`, 13 to `out`, 14 to `bits`.  Three
    multipliers, each with registers in front and behind; a cycle without a beat lends the first two
    (:class:`hw.interfaces.Multipliers`).  Golden partner: the post-processor in :mod:`sw.golden`.
    Validated over the full range of every format.

    Members
    -------
    accumulator : In(ACCUMULATOR)
        [0] The array's sum.
    skip : In(1)
        [1] The sum counts 0, whatever `accumulator` and `double` are.
    double : In(1)
        [1] The sum counts twice.
    offset : In(17 signed)
        [1] Subtracted.
    residual : In(VALUE)
        [2] Residual operand.
    gain : In(17 signed)
        [2] Gain of the sum.
    residual_gain : In(17 signed)
        [2] Gain of the residual.
    gain_shift : In(2)
        [3] Index into GAIN_SHIFTS.
    bias : In(PARAMETER)
        [3] Added to the pre-activation.
    slope : In(PARAMETER)
        [6] Slope of v >= 0, or of v < 0 where `negative` is set.
    slope_shift : In(2)
        [8] Index into SLOPE_SHIFTS.
    offset_out : In(PARAMETER)
        [9] Added to the rounded product.
    zero : In(1)
        [10] y is 0 (PASS).
    main : In(VALUE)
        [11] Main operand.
    bits_from_out : In(1)
        [11] Compare out, else y.
    pooled : In(1)
        [11] Keep y for the channel pool, else out.
    threshold : In(3 PARAMETERs)
        [13] A threshold a set.
    negative : Out(1)
        [6] v < 0.
    sum : Out(SUM)
        [2] s.
    total : Out(32 signed)
        [6] Both products and the bias, rounded, modulo 2**32.
    y : Out(VALUE)
        [11] y.
    out : Out(VALUE)
        [13] out.
    kept : Out(VALUE)
        [13] What is stored: y if `pooled`, else out.
    bits : Out(3)
        [14] A bit a set.
    """

    def __init__(self) -> None:
        value, parameter = signed(VALUE.bits), PARAMETER_SHAPE
        super().__init__(
            {
                "accumulator": In(signed(ACCUMULATOR.bits)),
                "skip": In(1),
                "double": In(1),
                "offset": In(signed(VALUE.bits + 1)),
                "residual": In(value),
                "gain": In(signed(GAIN_BITS)),
                "residual_gain": In(signed(GAIN_BITS)),
                "gain_shift": In(2),
                "bias": In(parameter),
                "slope": In(parameter),
                "slope_shift": In(2),
                "offset_out": In(parameter),
                "zero": In(1),
                "main": In(value),
                "bits_from_out": In(1),
                "pooled": In(1),
                "threshold": In(data.ArrayLayout(parameter, 3)),
                "negative": Out(1),
                "sum": Out(signed(SUM.bits)),
                "total": Out(signed(TOTAL_BITS)),
                "y": Out(value),
                "out": Out(value),
                "kept": Out(value),
                "bits": Out(3),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()

        def register(name: str, shape: object) -> Signal:
            return Signal(shape, name=name, reset_less=True)

        # [1..4] sum, first products, gain shift; the bias carries the half of the rounding.
        accumulator = register("accumulator_1", signed(ACCUMULATOR.bits))
        m.d.sync += accumulator.eq(self.accumulator)
        counted = Mux(self.skip, 0, Mux(self.double, accumulator << 1, accumulator))
        m.d.sync += self.sum.eq(counted - self.offset)
        gained, kept_residual = register("gained_3", signed(34)), register("residual_3", signed(33))
        m.d.sync += [
            gained.eq(self.sum * self.gain),
            kept_residual.eq(self.residual * self.residual_gain),
        ]
        shifted, rest = (
            register("shifted_4", signed(34 + GAIN_SHIFTS[-1])),
            register("rest_4", signed(33)),
        )
        with m.Switch(self.gain_shift):
            for index, shift in enumerate(GAIN_SHIFTS):
                with m.Case(index):
                    m.d.sync += shifted.eq(gained << shift)
        half = Const(1 << (PRE_DROP - 1), PRE_DROP + PRE_FRACTION)
        m.d.sync += rest.eq(kept_residual + Cat(half, self.bias).as_signed())

        # [5..7] a sum of 44 bits in two halves, then PRE.
        low = register("low_5", SPLIT + 1)
        high, rest_high = (
            register("high_5", signed(len(shifted) - SPLIT)),
            register("rest_high_5", signed(len(rest) - SPLIT)),
        )
        m.d.sync += [
            low.eq(shifted[:SPLIT] + rest[:SPLIT]),
            high.eq(shifted[SPLIT:]),
            rest_high.eq(rest[SPLIT:]),
        ]
        total_high = high + rest_high + low[SPLIT]
        total = register("total_6", signed(SPLIT - PRE_DROP + len(total_high)))
        m.d.sync += total.eq(Cat(low[PRE_DROP:SPLIT], total_high))
        m.d.comb += self.total.eq(total)
        pre, slope = register("pre_7", signed(PRE.bits)), register("slope_7", PARAMETER_SHAPE)
        m.d.sync += [
            pre.eq(saturate(total, PRE.bits)),  # keeps the sign, which chooses the slope
            slope.eq(self.slope),
        ]
        m.d.comb += self.negative.eq(total[-1])

        # [8..11] third product; its rounding shift less one bit, then half and offset in one sum.
        # Two bits beyond VALUE are kept of a shifted product: what does not fit is replaced by a
        # number so great that no offset leads from it back into VALUE.
        product = register("product_8", signed(34))
        m.d.sync += product.eq(pre * slope)
        scaled = register("scaled_9", signed(1 + VALUE.bits + 2))
        sign, kept = product[-1], len(scaled)
        with m.Switch(self.slope_shift):
            for index, shift in enumerate(SLOPE_SHIFTS):
                moved = product >> (shift + PRE_FRACTION - 1)
                above = moved[kept - 1 :]
                near = above.all() | ~above.any()
                with m.Case(index):
                    m.d.sync += scaled.eq(
                        Cat(moved[: kept - 2], Mux(near, moved[kept - 2], ~sign), sign)
                    )
        adjusted = scaled + Cat(Const(1, 1), self.offset_out).as_signed()
        rounded = register("rounded_10", signed(len(scaled)))
        m.d.sync += rounded.eq(adjusted >> 1)
        m.d.sync += self.y.eq(Mux(self.zero, 0, saturate(rounded, VALUE.bits)))

        # [12..14] main operand, comparison.  Two bits of code, from the cycle of the sum, choose y,
        # the sum or one of its bounds.
        y, added = (
            register("y_12", signed(VALUE.bits)),
            register("added_12", signed(VALUE.bits + 1)),
        )
        total_out = self.y + self.main
        m.d.sync += [y.eq(self.y), added.eq(total_out)]

        def y_or_out(name: str, is_y: Value) -> Value:
            code = register(f"{name}_code_12", 2)
            sign, below = total_out[-1], total_out[-2]
            m.d.sync += code.eq(Cat(is_y | (~sign & below), is_y | (sign == below)))
            bits = [Mux(code[1], Mux(code[0], y[i], added[i]), code[0]) for i in range(len(y) - 1)]
            return Cat(bits, Mux(code.all(), y[-1], added[-1])).as_signed()

        compared = register("compared_13", signed(VALUE.bits))
        m.d.sync += [
            self.out.eq(saturate(added, VALUE.bits)),
            self.kept.eq(y_or_out("kept", self.pooled)),
            compared.eq(y_or_out("compared", ~self.bits_from_out)),
        ]
        for index in range(3):  # the sign of the difference: no more than a carry chain
            m.d.sync += self.bits[index].eq(~(compared - self.threshold[index])[-1])
        return m
