"""The least index whose attention bit is 1: a binary search as a pipeline."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.attention.layouts import index_bits, limit_stream, threshold_stream
from hw.interfaces import exp_write
from hw.spec.configuration import Configuration
from hw.spec.numerics import EXP


class Search(wiring.Component):
    """Least index with ``E[index] > limit``, or ``exp_entries`` if none is.

    E does not decrease, so this is the number of entries that do not exceed the limit.  It is
    found bit by bit, the highest first: bit b is 1 where ``E[above | 2**b - 1] <= limit``, `above`
    being the bits found before.  The step of bit b therefore needs ``exp_entries / 2**(b+1)``
    entries only; the steps' tables together hold each entry but the last once, and the last one
    tells whether all entries are within the limit.

    Latency ``2 * log2(exp_entries)`` cycles; a query a cycle; no back-pressure.
    Golden partner: `bit_j` of ``hw.spec.numerics``, attention.  Validated for non-decreasing
    tables.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    write : In(exp table write)
        An entry a write, always granted.
    limit : In(stream of limits, always ready)
        Limits of the queries.
    threshold : Out(stream of thresholds, always ready)
        Their least indices.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "write": In(exp_write(c)),
                "limit": In(limit_stream(c)),
                "threshold": Out(threshold_stream(c)),
            }
        )

    def _step_entry(self, m: Module, bit: int, above) -> Signal:
        """The entry that the step of `bit` compares, registered."""
        c, write = self._c, self.write
        mine = Signal(name=f"mine{bit}")
        m.d.comb += mine.eq(write.request & (write.address[: bit + 1] == (1 << bit) - 1))
        entry = Signal(EXP.bits, name=f"entry{bit}", reset_less=True)
        depth = c.exp_entries >> (bit + 1)
        if depth == 1:
            with m.If(mine):
                m.d.sync += entry.eq(write.data)
            return entry
        m.submodules[f"entries{bit}"] = entries = Memory(
            shape=EXP.bits, depth=depth, init=[], attrs={"ram_style": "distributed"}
        )
        read, port = entries.read_port(domain="comb"), entries.write_port()
        m.d.comb += [
            port.addr.eq(write.address[bit + 1 :]),
            port.data.eq(write.data),
            port.en.eq(mine),
            read.addr.eq(above),
        ]
        m.d.sync += entry.eq(read.data)
        return entry

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._c
        bits = index_bits(c)
        m.d.comb += self.write.grant.eq(1)

        last_entry = Signal(EXP.bits)
        with m.If(self.write.request & self.write.address.all()):
            m.d.sync += last_entry.eq(self.write.data)

        def register(name: str, value, reset: bool = False) -> Signal:
            if not len(value):
                return value
            later = Signal(len(value), name=name, reset_less=not reset)
            m.d.sync += later.eq(value)
            return later

        limit = self.limit.payload.limit
        walk = Cat(self.limit.valid, self.limit.payload.token, self.limit.payload.last)
        # The bits found so far, and (after the first step) whether all entries are within.
        above, within = Const(0, 0), Const(0, 0)
        for bit in reversed(range(bits)):
            entry = self._step_entry(m, bit, above)
            above = register(f"above{bit}", above)
            within = register(f"within{bit}", within)
            limit = register(f"read_limit{bit}", limit)
            walk = register(f"read_walk{bit}", walk, reset=True)
            reached = register(f"reached{bit}", at_most(entry, limit))
            above = Cat(reached, register(f"kept{bit}", above))
            within = register(
                f"all_within{bit}", within if len(within) else at_most(last_entry, limit)
            )
            limit = register(f"limit{bit}", limit)
            walk = register(f"walk{bit}", walk, reset=True)

        out = self.threshold.payload
        m.d.comb += [
            out.threshold.eq(Cat(above & (~within).replicate(bits), within)),
            Cat(self.threshold.valid, out.token, out.last).eq(walk),
        ]
        return m


def at_most(one: Value, other: Value) -> Value:
    """``one <= other``, as the sign of a difference: no more than a carry chain."""
    return ~(other - one)[-1]
