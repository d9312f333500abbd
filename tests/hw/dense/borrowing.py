"""The dense unit with multipliers in the place of the lanes'."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

from hw.dense.unit import Dense
from hw.spec.configuration import Configuration

LATENCY = 5
"""Cycles from an offer to its total."""


class Borrowing(wiring.Component):
    """Dense; `taken` says when a beat takes the multipliers, which then give something else."""

    def __init__(self, configuration: Configuration) -> None:
        self._dense = Dense(configuration)
        members = dict(self._dense.signature.members)
        del members["multipliers"]
        super().__init__({**members, "taken": In(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.dense = dense = self._dense
        for name, member in self.signature.members.items():
            if name == "taken":
                continue
            outer, inner = getattr(self, name), getattr(dense, name)
            if member.is_port:
                ends = (inner, outer) if member.flow == In else (outer, inner)
                m.d.comb += Value.cast(ends[0]).eq(Value.cast(ends[1]))
            else:
                connect(m, inner, flipped(outer))
        lent, taken = dense.multipliers, Signal()
        m.d.comb += lent.taken.eq(self.taken)
        m.d.sync += taken.eq(self.taken)
        for i, result in enumerate(lent.total):
            first = (-lent.minus_first * lent.first_weight[i]) << 9 * lent.raised
            products = (first >> 9) + lent.second * lent.second_weight[i]
            for stage in range(LATENCY):
                later = Signal.like(result, name=f"total{i}_{stage}")
                with m.If(taken if stage == 0 else 0):
                    m.d.sync += later.eq(~later)
                with m.Else():
                    m.d.sync += later.eq(products)
                products = later
            m.d.comb += result.eq(products)
        return m
