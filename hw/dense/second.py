"""The second of two tokens that share a weight word: multipliers and sums of its own."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.dense.layouts import sums
from hw.spec.configuration import Configuration
from hw.spec.image import MATRIX, NORMED


class SecondToken(wiring.Component):
    """Sums of ``first * first_weight + second * second_weight``, two products of 8 bits a lane.

    Latency 3 cycles from `adds` and `finish` to `sum`; a step a cycle, no back-pressure: `sum`
    stays until the next `finish`.  Golden partner: DENSE of ``hw.spec.commands``.  Validated within
    :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    first : In(NORMED)
        Operand of every lane.
    second : In(NORMED)
        The next one.
    first_weight : In(MATRIX a lane)
        Its weights.
    second_weight : In(MATRIX a lane)
        Those of the next one.
    adds : In(1)
        The products count.
    finish : In(1)
        They are the token's last ones.
    sum : Out(lanes sums)
        Sums of the products.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        weights = data.ArrayLayout(signed(MATRIX.bits), c.lanes)
        super().__init__(
            {
                "first": In(signed(NORMED.bits)),
                "second": In(signed(NORMED.bits)),
                "first_weight": In(weights),
                "second_weight": In(weights),
                "adds": In(1),
                "finish": In(1),
                "sum": Out(sums(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        adds, finish = self.adds, self.finish
        for stage in range(2):
            flags = Signal(2, name=f"flags{stage}")
            m.d.sync += flags.eq(Cat(adds, finish))
            adds, finish = flags
        for lane in range(self._c.lanes):
            first, second, both = (
                Signal(signed(MATRIX.bits + NORMED.bits + wider), name=f"{name}{lane}")
                for name, wider in (("first", 0), ("second", 0), ("both", 1))
            )
            m.d.sync += [
                first.eq(self.first * self.first_weight[lane]),
                second.eq(self.second * self.second_weight[lane]),
                both.eq(first + second),
            ]
            total = Signal(signed(len(self.sum[lane])), name=f"total{lane}")
            following = (total + both)[: len(total)]
            with m.If(finish):
                m.d.sync += [self.sum[lane].eq(following), total.eq(0)]
            with m.Elif(adds):
                m.d.sync += total.eq(following)
        return m
