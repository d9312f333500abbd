"""Memory of activation bits: the array's row operand."""

from __future__ import annotations

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.interfaces import MemoryRead, row_read, row_write
from hw.memory.port import add_memory
from hw.spec.configuration import Configuration


class RowMemory(wiring.Component):
    """64 bits of each token of a tile a word: one bank a token slot, all read at one address.

    Read latency 1 cycle, data for one cycle; one read of the whole word and one write a slot in
    each cycle, always granted.  A write lands a cycle after its grant; a read by then gives either
    content.  No golden partner.  Validated for 3x4x64-l8 and 7x16x64-l32.

    Parameters
    ----------
    configuration : Configuration
        Gives rows, row_words and lanes (the bits of a mask part).

    Members
    -------
    read : In(row_read(configuration))
        Bits of slot i are ``data[64*i : 64*i + 64]``.
    write : In(row_write(configuration)) x rows
        One port a slot, in parts of `lanes` bits.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "read": In(row_read(configuration)),
                "write": In(row_write(configuration)).array(configuration.rows),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        slots = []
        for slot, write in enumerate(self.write):
            read = MemoryRead(c.row_words, 64).flip().create(path=(f"slot{slot}",))
            parts = 64 // c.lanes
            add_memory(m, f"bank{slot}", c.row_words, 64, parts, read, write, holds=False)
            m.d.comb += [read.address.eq(self.read.address), read.request.eq(self.read.request)]
            slots.append(read.data)
        m.d.comb += [self.read.grant.eq(1), self.read.data.eq(Cat(slots))]
        return m
