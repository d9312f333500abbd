"""Multipliers and accumulators: two of each a lane."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.dense.layouts import COMMAND, step_layout
from hw.spec.commands import Operand
from hw.spec.configuration import Configuration
from hw.spec.image import NORMED
from hw.spec.numerics import VALUE

SUM_BITS = 32
"""Sums are kept modulo 2**SUM_BITS."""
FACTOR_BITS = 9
"""A signed or an unsigned byte."""


class Products(wiring.Component):
    """Multiplies operands with weights and accumulates, `lanes` outputs side by side.

    A lane has two multipliers of 9 x 8 bits, each with an accumulator behind it: one DSP slice
    each, or two halves of one.  PIXEL and NORMED give them an operand and a weight each.  A VALUE
    is split into its low byte (unsigned) and its high byte (signed), which meet the same weight;
    ``sum = low sum + 2**8 * high sum``, added up once a token.

    Latency 5 cycles from the finishing step to `sum_valid`; a step a cycle; no back-pressure.
    Golden partner: DENSE of ``hw.spec.commands``.  Validated within
    :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(COMMAND)
        The command, stable from its first step until its last sum.
    step : In(step_layout(configuration))
        This cycle's step.
    parameter : In(16*lanes)
        The parameter word of the step of the cycle before.
    sum_valid : Out(1)
        `sum` is a token's.
    sum : Out(lanes sums)
        Sums of products.
    bias : Out(lanes sums)
        From a cycle before `sum_valid` on, where the command has a bias.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        sums = data.ArrayLayout(signed(SUM_BITS), c.lanes)
        super().__init__(
            {
                "command": In(COMMAND),
                "step": In(step_layout(c)),
                "parameter": In(16 * c.lanes),
                "sum_valid": Out(1),
                "sum": Out(sums),
                "bias": Out(sums),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, f = self._c, self.command

        # The step beside its data: 1 parameter word arrives, 2 it is registered, 3 factors,
        # 4 products, 5 sums.
        steps = [self.step]
        for stage in range(1, 6):
            register = Signal(step_layout(c), name=f"step{stage}")
            m.d.sync += register.eq(steps[-1])
            steps.append(register)

        word = Signal(data.ArrayLayout(16, c.lanes), reset_less=True)
        with m.If(steps[1].fetched):
            m.d.sync += word.eq(self.parameter)

        # Factors of all lanes; registered twice, since they drive every lane.
        factors = [Signal(signed(FACTOR_BITS), name=name, reset_less=True) for name in "ab"]
        early = [Signal(signed(FACTOR_BITS), name=f"early_{n}", reset_less=True) for n in "ab"]
        first, second = (steps[1].elements.word_select(i, VALUE.bits) for i in range(2))
        with m.Switch(f.operand):
            with m.Case(Operand.PIXEL):
                m.d.sync += [early[i].eq(_centred(first.word_select(i, 8))) for i in range(2)]
            with m.Case(Operand.NORMED):
                m.d.sync += [early[0].eq(_clamped(first)), early[1].eq(_clamped(second))]
            with m.Default():
                m.d.sync += [early[0].eq(first[:8]), early[1].eq(first[8:].as_signed())]
        m.d.sync += [factor.eq(before) for factor, before in zip(factors, early, strict=True)]

        whole, pooling = Signal(), Signal()  # a VALUE meets one weight; the weight is 0 or 1
        m.d.sync += [whole.eq(f.operand == Operand.VALUE), pooling.eq(f.pool != 0)]
        for lane in range(c.lanes):
            low, high = word[lane][:8], word[lane][8:]
            chosen = Mux(steps[2].high, high, low)
            chosen = Mux(pooling, steps[2].one[lane], chosen)
            totals = []
            for i, mine in enumerate((Mux(whole, chosen, low), Mux(whole, chosen, high))):
                weight = Signal(signed(8), name=f"weight{lane}_{i}", reset_less=True)
                product = Signal(
                    signed(FACTOR_BITS + 8), name=f"product{lane}_{i}", reset_less=True
                )
                total = Signal(signed(SUM_BITS), name=f"total{lane}_{i}", reset_less=True)
                m.d.sync += [weight.eq(mine), product.eq(factors[i] * weight)]
                with m.If(steps[4].multiply):
                    m.d.sync += total.eq(Mux(steps[4].first, 0, total) + product)
                totals.append(total)
            m.d.comb += self.sum[lane].eq(
                totals[0] + Mux(whole, totals[1] << 8, totals[1])[:SUM_BITS]
            )
            bias_half = Cat(low, high)
            with m.If(steps[2].bias):
                with m.If(steps[2].upper):
                    m.d.sync += Value.cast(self.bias[lane])[16:].eq(bias_half)
                with m.Else():
                    m.d.sync += Value.cast(self.bias[lane])[:16].eq(bias_half)
        m.d.comb += self.sum_valid.eq(steps[5].finish)
        return m


def _centred(byte: Value) -> Value:
    """A pixel less 128."""
    return Cat(byte[:7], ~byte[7]).as_signed()


def _clamped(element: Value) -> Value:
    """A VALUE saturated to NORMED."""
    value = element.as_signed()
    clamped = Mux(value > NORMED.high, NORMED.high, Mux(value < NORMED.low, NORMED.low, value))
    return clamped[: NORMED.bits].as_signed()
