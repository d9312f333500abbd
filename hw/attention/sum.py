"""Totals of the queries: the sum of the table's entries over all keys."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.attention.layouts import TOTAL_BITS, index_stream, token_bits, total_stream
from hw.attention.table import ExpTable
from hw.interfaces import exp_write
from hw.spec.configuration import Configuration


class Sum(wiring.Component):
    """Total of every query: ``total = sum over keys of E[index]``.

    Table, adder tree with a register a level, and an accumulator a token.  The totals of a tile
    leave in the order of its queries while its last key group arrives.

    Latency 3 + log2(lanes) cycles; a beat a cycle; no back-pressure.
    Golden partner: `total` of ``hw.spec.numerics``, attention.  Validated for up to 4095 keys of
    any entries: exact, 36 bits.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    write : In(exp table write)
        An entry a write, always granted.
    beat : In(stream of index beats, always ready)
        Indices.
    total : Out(stream of totals, always ready)
        A beat a query.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "write": In(exp_write(c)),
                "beat": In(index_stream(c)),
                "total": Out(total_stream(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, beat = self._c, self.beat.payload

        m.submodules.table = table = ExpTable(c)
        wiring.connect(m, wiring.flipped(self.write), table.write)
        m.d.comb += [table.index.eq(beat.index), table.mask.eq(beat.mask)]

        sums = [table.entry[lane] for lane in range(c.lanes)]
        walk = Cat(beat.token, beat.first, beat.final, beat.last)
        valid = self.beat.valid

        def delay(name: str):
            nonlocal walk, valid
            later, later_valid = Signal(len(walk), name=name), Signal(name=f"{name}_valid")
            m.d.sync += [later.eq(walk), later_valid.eq(valid)]
            walk, valid = later, later_valid

        delay("read_walk")
        delay("table_walk")
        level = 0
        while len(sums) > 1:
            pairs = [
                Signal(len(sums[0]) + 1, name=f"sum{level}_{i}", reset_less=True)
                for i in range(len(sums) // 2)
            ]
            m.d.sync += [p.eq(sums[2 * i] + sums[2 * i + 1]) for i, p in enumerate(pairs)]
            sums = pairs
            delay(f"sum{level}_walk")
            level += 1

        # Read and written in one cycle: beats of one token may follow each other at once.
        tokens = token_bits(c)
        m.submodules.totals = totals = Memory(
            shape=TOTAL_BITS, depth=1 << tokens, init=[], attrs={"ram_style": "distributed"}
        )
        read, write = totals.read_port(domain="comb"), totals.write_port()
        token, first, final, last = walk[:tokens], walk[tokens], walk[tokens + 1], walk[tokens + 2]
        m.d.comb += [
            read.addr.eq(token),
            write.addr.eq(token),
            write.data.eq(sums[0] + (read.data & (~first).replicate(TOTAL_BITS))),
            write.en.eq(valid),
        ]
        out = self.total.payload
        m.d.sync += [
            self.total.valid.eq(valid & final),
            out.total.eq(write.data),
            out.token.eq(token),
            out.last.eq(last),
        ]
        return m
