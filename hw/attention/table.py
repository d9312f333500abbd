"""The exponential table, looked up by every lane in every cycle."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.attention.layouts import index_bits
from hw.interfaces import exp_write
from hw.spec.configuration import Configuration
from hw.spec.numerics import EXP


class ExpTable(wiring.Component):
    """Entries of `lanes` indices: ``entry[i] = E[index[i]] if mask[i] else 0``.

    A copy of the table a lane, in block RAM; the mask comes behind its output.  No command reads
    while another loads, so what a read that meets a write gives is left open
    (:mod:`hw.memory.port`).

    Latency 2 cycles; a beat a cycle; no back-pressure.
    Golden partner: `E[index_j]` of ``hw.spec.numerics``, attention.  Validated for any table.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    write : In(exp table write)
        An entry a write, always granted; seen by indices of later cycles.
    index : In(array of `lanes` indices)
        Which entries.
    mask : In(lanes)
        Lanes that are keys.
    entry : Out(array of `lanes` entries)
        The entries, two cycles later.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "write": In(exp_write(c)),
                "index": In(data.ArrayLayout(index_bits(c), c.lanes)),
                "mask": In(c.lanes),
                "entry": Out(data.ArrayLayout(EXP.bits, c.lanes)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._c
        mask = Signal.like(self.mask)
        m.d.sync += mask.eq(self.mask)
        m.d.comb += self.write.grant.eq(1)
        for lane in range(c.lanes):
            entries = Memory(
                shape=EXP.bits, depth=c.exp_entries, init=[], attrs={"ram_style": "block"}
            )
            m.submodules[f"either_entries{lane}"] = entries
            write, read = entries.write_port(), entries.read_port()
            m.d.comb += [
                write.addr.eq(self.write.address),
                write.data.eq(self.write.data),
                write.en.eq(self.write.request),
                read.addr.eq(self.index[lane]),
            ]
            m.d.sync += self.entry[lane].eq(Mux(mask[lane], read.data, 0))
        return m
