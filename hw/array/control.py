"""The flags that travel with an operand word, and a row's own copy of them."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.spec.configuration import Configuration

ROW_CONTROL_LATENCY = 2
"""Cycles from a cluster's control to the flags of its accumulators."""


def control_layout(c: Configuration) -> data.StructLayout:
    """What travels with an operand word through the clusters.

    ``valid``: a word is there.  ``subtract``: subtract its zeros instead of adding its ones.
    ``last``: it ends its column tile's sum; zero unless valid.  ``load``: one hot, the hold that
    takes the sum; zero unless last.
    """
    return data.StructLayout({"valid": 1, "subtract": 1, "last": 1, "load": c.group_tiles})


class RowControl(wiring.Component):
    """A row's copy of a cluster's control, when its elements need it.

    No register here drives more than a row of a cluster, so no path waits for a wire across it.
    Equal registers are merged in synthesis unless this module's hierarchy is kept.  `subtract`
    1 cycle after `control`, the others 2.  One word a cycle, no back-pressure.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    control : In(control_layout)
        Flags of an operand word, `ROW_CONTROL_LATENCY` cycles before its count.
    subtract : Out(1)
        To the popcounts.
    enable : Out(1)
        To the accumulators: a count is there.
    last : Out(1)
        It is the last of its column tile.
    load : Out(group_tiles)
        One hot: the hold that takes the sum.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "control": In(control_layout(c)),
                "subtract": Out(1),
                "enable": Out(1),
                "last": Out(1),
                "load": Out(c.group_tiles),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        waiting = Signal(control_layout(self._configuration))
        m.d.sync += [
            waiting.eq(self.control),
            self.enable.eq(waiting.valid),
            self.last.eq(waiting.last),
            self.load.eq(waiting.load),
        ]
        m.d.comb += self.subtract.eq(waiting.subtract)
        return m
