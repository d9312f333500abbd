"""Memory of value words: x and u."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.interfaces import MemoryRead, MemoryWrite
from hw.memory.port import add_memory
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE


class ValueMemory(wiring.Component):
    """Words of `lanes` values of one token; writes touch the lanes whose mask bit is set.

    Read latency 1 cycle; one read and one write a cycle, both always granted.  A write lands a
    cycle after its grant; a read by then gives either content.  No golden partner.  Validated for x
    and u memory of 3x4x64-l8 and 7x16x64-l32.

    Parameters
    ----------
    configuration : Configuration
        Gives the lanes.
    words : int
        ``configuration.x_words`` or ``configuration.u_words``.

    Members
    -------
    read : In(MemoryRead)
        Whole words.
    write : In(MemoryWrite)
        A mask bit a lane.
    """

    def __init__(self, configuration: Configuration, words: int) -> None:
        self._words, self._lanes = words, configuration.lanes
        self._bits = configuration.lanes * VALUE.bits
        super().__init__(
            {
                "read": In(MemoryRead(words, self._bits)),
                "write": In(MemoryWrite(words, self._bits, self._lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        add_memory(m, "block", self._words, self._bits, self._lanes, self.read, self.write)
        return m
