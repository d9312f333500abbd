"""A queue's head, which waits for completions of other engines."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import struct
from hw.spec.commands import HEADER, Engine
from hw.spec.configuration import Configuration
from hw.spec.fields import Record

_HEADER = struct(Record("HEADER", HEADER))
COUNTS = data.ArrayLayout(16, len(Engine))
"""A command count an engine."""


class WaitingHead(wiring.Component):
    """The command of a queue that is next; it leaves when its ``after_*`` hold.

    ``head`` is valid from the cycle after ``completed[e] >= after_e`` for every engine e on
    (`completed` being the counts that include this cycle's completions).

    Latency 2 cycles from `give`; a command every 3 cycles.  Respects back-pressure.  Golden
    partner: none.
    Validated within :class:`hw.control.dispatch.Dispatch`.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes (unused: the head's own are below).
    bits : int
        Low bits of a command that the engine needs.

    Members
    -------
    want : Out(1)
        A place for the next command is free, until `picked`.
    picked : In(1)
        The next command is chosen in this cycle.
    give : In(1)
        `payload` is that command, a cycle later.
    payload : In(bits)
        A command.
    completed : In(COUNTS)
        Commands that each engine has completed, this cycle's included; never falls while a
        command is here.
    stall : In(1)
        No head becomes valid by a cycle with it high.
    head : Out(stream of bits)
        The same commands, when they may start.
    """

    def __init__(self, configuration: Configuration, bits: int) -> None:
        super().__init__(
            {
                "want": Out(1),
                "picked": In(1),
                "give": In(1),
                "payload": In(bits),
                "completed": In(COUNTS),
                "stall": In(1),
                "head": Out(stream.Signature(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # The comparison has a cycle of its own, between the head's register and `valid`.
        present = Signal()
        free = Signal(init=1)
        leaves = Signal()
        header = data.View(_HEADER, self.head.payload[: _HEADER.size])
        m.d.comb += [
            leaves.eq(self.head.valid & self.head.ready),
            self.want.eq(free | leaves),
        ]
        holds = [self.completed[e] >= header[f"after_{e.name.lower()}"] for e in Engine]
        everything = holds[0]
        for one in holds[1:]:
            everything = everything & one
        starts = everything & (self.head.valid | ~self.stall)
        m.d.sync += self.head.valid.eq(present & ~leaves & starts)
        m.d.sync += free.eq(self.want & ~self.picked)
        with m.If(leaves):
            m.d.sync += present.eq(0)
        with m.If(self.give):
            m.d.sync += [present.eq(1), self.head.payload.eq(self.payload)]
        return m
