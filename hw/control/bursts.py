"""Cuts transfers into bursts for the memory port."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import PORT_REQUEST
from hw.spec.configuration import Configuration

TRANSFER = data.StructLayout({"address": 32, "beats": 16})
"""Beats that lie one after another in external memory."""


class Bursts(wiring.Component):
    """Cuts transfers into requests of at most `limit` beats, each when the budget covers it.

    Latency 2 cycles; a request every other cycle, across transfers less 1 cycle.  Respects
    back-pressure.  No golden partner.  Validated within :class:`hw.control.control.Control`.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes (unused: the splitter's own are below).
    limit : int
        Most beats of a request, a power of two.
    budget : int
        Most beats that `budget` can say, at least `limit`.
    write : bool
        Whether the requests write.

    Members
    -------
    transfer : In(stream of TRANSFER)
        What to cut, at least 1 beat each.
    budget : In(range)
        Beats that may be requested now; falls only by `spent`.
    spent : Out(range)
        Beats requested in this cycle, else 0.
    request : Out(stream of PORT_REQUEST)
        The bursts.
    """

    def __init__(self, configuration: Configuration, limit: int, budget: int, write: bool) -> None:
        if limit & (limit - 1) or budget < limit:
            raise ValueError(f"Bursts: limit={limit} is not a power of two up to budget={budget}")
        self._limit, self._write = limit, write
        super().__init__(
            {
                "transfer": In(stream.Signature(TRANSFER)),
                "budget": In(range(budget + 1)),
                "spent": Out(range(limit + 1)),
                "request": Out(stream.Signature(PORT_REQUEST)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        active = Signal()
        address = Signal(32)
        left = Signal(16)
        # Of the next request, a cycle after `left`.
        sized = Signal()
        beats = Signal.like(self.spent, reset_less=True)
        last = Signal(reset_less=True)
        issue = Signal()

        bits = self._limit.bit_length() - 1
        whole = left[bits:].any()
        with m.If(~sized):
            m.d.sync += [
                beats.eq(Mux(whole, self._limit, left[:bits])),
                last.eq(left <= self._limit),
                sized.eq(active),
            ]
        m.d.comb += [
            self.request.valid.eq(sized & (self.budget >= beats)),
            self.request.payload.write.eq(int(self._write)),
            self.request.payload.address.eq(address),
            self.request.payload.beats.eq(beats),
            issue.eq(self.request.valid & self.request.ready),
            self.spent.eq(Mux(issue, beats, 0)),
            self.transfer.ready.eq(~active),
        ]
        with m.If(issue):
            m.d.sync += [
                address.eq(address + beats),
                left.eq(left - beats),
                active.eq(~last),
                sized.eq(0),
            ]
        with m.If(self.transfer.ready):
            m.d.sync += [
                active.eq(self.transfer.valid),
                address.eq(self.transfer.payload.address),
                left.eq(self.transfer.payload.beats),
            ]
        return m
