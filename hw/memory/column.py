"""Memory of weights, keys and transposed values: the array's column operand."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.interfaces import column_read, column_write
from hw.memory.port import add_memory
from hw.spec.configuration import Configuration


class ColumnMemory(wiring.Component):
    """64 bits for each of `columns` outputs a word; writes touch parts of `lanes` bits.

    Read latency 1 cycle, data for one cycle; one read and one write a cycle, both always granted.
    A write lands a cycle after its grant; a read by then gives either content.  No golden partner.
    Validated for 3x4x64-l8 and 7x16x64-l32.

    Parameters
    ----------
    configuration : Configuration
        Gives columns, column_words and lanes.

    Members
    -------
    read : In(column_read(configuration))
        Bits of output i are ``data[64*i : 64*i + 64]``.
    write : In(column_write(configuration))
        ``64 / lanes`` mask bits a column.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "read": In(column_read(configuration)),
                "write": In(column_write(configuration)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        bits = c.columns * 64
        parts = bits // c.lanes
        add_memory(m, "block", c.column_words, bits, parts, self.read, self.write, holds=False)
        return m
