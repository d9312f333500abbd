"""Factors for the lent multipliers of the lanes, and the accumulators behind them."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.dense.factors import centred, clamped
from hw.dense.layouts import COMMAND, step, sums
from hw.dense.second import SecondToken
from hw.interfaces import Multipliers
from hw.spec.commands import Operand
from hw.spec.configuration import Configuration
from hw.spec.image import NORMED
from hw.spec.numerics import PRE_DROP, VALUE


class Products(wiring.Component):
    """Offers operands and weights to the multipliers and accumulates, `lanes` outputs side by side.

    No multiplier of its own, but for the second of two tokens: a step waits in front of those of
    the lanes until no beat takes them, and both products come back as one sum.  A half of the bias
    is multiplied by 1 or 2**16.  Where channels are pooled the weight is 1 in one lane after the
    other.  A second token's sums come when the first one's have been read.

    Latency 8 cycles from the finishing step to `sum`, later by the cycles in which the multipliers
    are taken; a step a cycle, none in a cycle in which they are `taken` (so that at most one
    waits).  No back-pressure.  Golden partner: DENSE of ``hw.spec.commands``.  Validated within
    :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(COMMAND)
        The command, stable from its first step until its last sum.
    step : In(step)
        This cycle's step.
    parameter : In(16*lanes)
        The parameter word of the step of the cycle before.
    multipliers : Out(Multipliers)
        The lanes' multipliers.
    read : In(1)
        All of `sum` has been read.
    sum_valid : Out(1)
        `sum` is another token's from the next cycle on.
    sum : Out(lanes sums)
        Sums of products and bias.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(COMMAND),
                "step": In(step(c)),
                "parameter": In(16 * c.lanes),
                "multipliers": Out(Multipliers(c)),
                "read": In(1),
                "sum_valid": Out(1),
                "sum": Out(sums(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, f, offered = self._c, self.command, self.multipliers
        pooling = Signal()
        m.d.sync += pooling.eq(f.pool != 0)

        # 1 the parameter word arrives; 2 factors and weights are offered until they are taken up.
        arriving, waiting, taken = Signal(step(c)), Signal(step(c)), Signal()
        m.d.sync += [arriving.eq(self.step), taken.eq(offered.taken)]
        first, second = (arriving.elements.word_select(i, VALUE.bits) for i in range(2))
        factors = [Signal(signed(VALUE.bits), name=name) for name in ("first", "second")]
        with m.Switch(f.operand):
            with m.Case(Operand.PIXEL):
                m.d.comb += [factors[i].eq(centred(first.word_select(i, 8))) for i in range(2)]
            with m.Case(Operand.NORMED):
                m.d.comb += [factors[0].eq(clamped(first)), factors[1].eq(clamped(second))]
            with m.Default():
                m.d.comb += [factors[0].eq(first), factors[1].eq(Mux(pooling, 0, second))]
        one = Signal(c.lanes, init=1)
        with m.If(arriving.multiply & arriving.lane_end):
            m.d.sync += one.eq(Cat(one[-1], one[:-1]))
        with m.If(~taken):
            m.d.sync += waiting.eq(arriving)
            with m.If(arriving.bias):
                m.d.sync += [
                    offered.minus_first.eq(Mux(arriving.upper, -(1 << 16), -(1 << PRE_DROP))),
                    offered.second.eq(0),
                ]
            with m.Else():
                m.d.sync += [
                    offered.minus_first.eq(-factors[0]),
                    offered.second.eq(factors[1]),
                ]
            m.d.sync += offered.raised.eq(arriving.bias & arriving.upper)
            for lane in range(c.lanes):
                word = self.parameter.word_select(lane, 16)
                low = Cat(Const(0, PRE_DROP), Mux(pooling, one[lane], word[:8].as_signed()))
                m.d.sync += [
                    offered.first_weight[lane].eq(Mux(arriving.bias, word, low)),
                    offered.second_weight[lane].eq(word[8:]),
                ]

        # 3 registers in front of the multipliers, 4 to 6 inside the lanes, 7 totals, 8 sums.
        adds, finish = (waiting.multiply | waiting.bias) & ~taken, waiting.finish & ~taken
        for stage in range(3, 8):
            flags = Signal(2, name=f"flags{stage}")
            m.d.sync += flags.eq(Cat(adds, finish))
            adds, finish = flags
        for lane in range(c.lanes):
            total = Signal(signed(len(self.sum[lane])), name=f"total{lane}")
            following = (total + offered.total[lane])[: len(total)]
            with m.If(finish):
                m.d.sync += [self.sum[lane].eq(following), total.eq(0)]
            with m.Elif(adds):
                m.d.sync += total.eq(following)
        if c.dense_tokens == 1:
            m.d.comb += self.sum_valid.eq(finish)
        else:
            self._second(m, arriving, waiting, taken, finish)
        return m

    def _second(self, m: Module, arriving, waiting, taken, finish) -> None:
        """The token beside: its own products, its sums behind the first one's."""
        f, offered = self.command, self.multipliers
        m.submodules.second = second = SecondToken(self._c)
        elements = [arriving.second.word_select(i, VALUE.bits) for i in range(2)]
        for i, factor in enumerate((second.first, second.second)):
            held = Signal(signed(NORMED.bits), name=f"other{i}")
            pixel = centred(elements[0].word_select(i, 8))
            with m.If(~taken):
                m.d.sync += held.eq(Mux(f.operand == Operand.PIXEL, pixel, clamped(elements[i])))
            m.d.comb += factor.eq(held)
        for lane in range(self._c.lanes):
            m.d.comb += [
                second.first_weight[lane].eq(offered.first_weight[lane] >> PRE_DROP),
                second.second_weight[lane].eq(offered.second_weight[lane]),
            ]
        m.d.comb += [
            second.adds.eq(waiting.multiply & ~taken),
            second.finish.eq(waiting.finish & ~taken),
        ]
        # Whether there are two goes with the finish of the first.
        both, there, follows = waiting.both & ~taken, Signal(), Signal()
        for stage in range(3, 8):
            later = Signal(name=f"both{stage}")
            m.d.sync += later.eq(both)
            both = later
        m.d.comb += follows.eq(there & self.read)
        with m.If(finish):
            m.d.sync += there.eq(both)
        with m.Elif(follows):
            m.d.sync += [there.eq(0), self.sum.eq(second.sum)]
        m.d.comb += self.sum_valid.eq(finish | follows)
