"""Memory of per-channel parameters."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.interfaces import parameter_read, parameter_write
from hw.memory.port import add_memory
from hw.spec.configuration import Configuration


class ParameterMemory(wiring.Component):
    """Words of `lanes` 16-bit parameters: one field of one channel group.

    Read latency 1 cycle; one read and one write a cycle, both always granted.  A write lands a
    cycle after its grant; a read by then gives either content.  No golden partner.  Validated for
    3x4x64-l8 and 7x16x64-l32.

    Parameters
    ----------
    configuration : Configuration
        Gives lanes and parameter_words.

    Members
    -------
    read : In(parameter_read(configuration))
        Whole words.
    write : In(parameter_write(configuration))
        A mask bit a port beat (8 parameters).
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "read": In(parameter_read(configuration)),
                "write": In(parameter_write(configuration)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        bits = self.read.data.shape().width
        add_memory(m, "block", c.parameter_words, bits, c.lane_beats, self.read, self.write)
        return m
