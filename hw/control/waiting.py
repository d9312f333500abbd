"""An engine's queue, whose head waits for completions of other engines."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.control.queue import Queue
from hw.interfaces import struct
from hw.spec.commands import HEADER, Engine
from hw.spec.configuration import Configuration
from hw.spec.fields import Record

_HEADER = struct(Record("HEADER", HEADER))
COUNTS = data.ArrayLayout(16, len(Engine))
"""A command count an engine."""


class WaitingQueue(wiring.Component):
    """Queue of `queue_depth` commands and a head, which leaves when its ``after_*`` hold.

    ``head`` is valid from the cycle after ``completed[e] >= after_e`` for every engine e on
    (`completed` being the counts that include this cycle's completions).

    Latency 3 cycles; a command every 2 cycles.  Respects back-pressure.  Golden partner: none.
    Validated within :class:`hw.control.dispatch.Dispatch`.

    Parameters
    ----------
    configuration : Configuration
        Gives queue_depth.
    bits : int
        Low bits of a command that the engine needs.

    Members
    -------
    input : In(stream of bits)
        Commands.
    completed : In(COUNTS)
        Commands that each engine has completed, this cycle's included; never falls while a
        command is here.
    stall : In(1)
        No head becomes valid by a cycle with it high.
    head : Out(stream of bits)
        The same commands, when they may start.
    """

    def __init__(self, configuration: Configuration, bits: int) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "input": In(stream.Signature(bits)),
                "completed": In(COUNTS),
                "stall": In(1),
                "head": Out(stream.Signature(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = len(self.input.payload)
        m.submodules.queue = queue = Queue(
            self._configuration, bits, self._configuration.queue_depth
        )
        connect(m, flipped(self.input), queue.input)

        # The comparison has a cycle of its own, between the head's register and `valid`.
        present = Signal()
        leaves = Signal()
        header = data.View(_HEADER, self.head.payload[: _HEADER.size])
        m.d.comb += [
            leaves.eq(self.head.valid & self.head.ready),
            queue.output.ready.eq(~present | leaves),
        ]
        holds = [self.completed[e] >= header[f"after_{e.name.lower()}"] for e in Engine]
        everything = holds[0]
        for one in holds[1:]:
            everything = everything & one
        starts = everything & (self.head.valid | ~self.stall)
        m.d.sync += self.head.valid.eq(present & ~leaves & starts)
        with m.If(~present | leaves):
            m.d.sync += [present.eq(queue.output.valid), self.head.payload.eq(queue.output.payload)]
        return m
