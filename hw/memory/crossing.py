"""External memory at a clock of its own."""

from __future__ import annotations

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Module,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In

from hw.interfaces import MemoryPort

RESET_CYCLES = 16
"""Cycles of ``sync`` for which either side is held in reset: some of the slower clock's."""
DEPTH = 4
"""Bursts, and beats each way, between the clocks: more than an SDRAM takes while a pointer goes
there and back.  Whether a FIFO is full or empty decides the longest paths of the fast clock: with
more they would be longer."""


class CrossedMemory(wiring.Component):
    """A memory of another clock domain behind the port: three FIFOs between the clocks.

    The clocks need not be related.  While ``sync``'s reset lasts, and `RESET_CYCLES` longer, either
    side is held in reset and nothing moves: no beat of before comes through afterwards.  The other
    clock must be at least a quarter as fast.

    Latency: a request takes a cycle of ``sync`` and four or five of the other clock on its way, a
    beat read a cycle of that clock and two or three of ``sync`` on its way back.  Throughput: a
    request, or a beat written, in three cycles of the other clock (an SDRAM takes eight for one); a
    beat read in two cycles of the slower clock, or better.  Respects back-pressure.  No golden
    partner.  Validated with the SDRAM controller at twice the clock of ``sync``: random bursts with
    pauses, and resets.

    Parameters
    ----------
    memory : wiring.Component
        A member ``port : In(MemoryPort(128))`` and an attribute ``beats``; its domain ``sync`` is
        the other clock.  Elaborated here.
    domain : str
        The other clock's domain; its own reset is not used.

    Members
    -------
    port : In(MemoryPort)
        Client, in ``sync``.
    """

    def __init__(self, memory: wiring.Component, domain: str) -> None:
        self._memory, self._domain = memory, domain
        super().__init__({"port": In(MemoryPort(128))})

    @property
    def beats(self) -> int:
        """Size of the memory."""
        return self._memory.beats

    def elaborate(self, platform) -> Module:
        m = Module()
        # Resets from here alone: those of FIFOs must be domains' own.
        held, left = Signal(init=1), Signal(range(RESET_CYCLES), init=RESET_CYCLES - 1)
        m.d.sync += held.eq(left != 0)
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        m.domains.near = ClockDomain(local=True)
        m.domains.far = ClockDomain(local=True)
        m.domains.raw = ClockDomain(local=True, reset_less=True)
        far_held = Signal(init=1)
        m.submodules.held = FFSynchronizer(held, far_held, o_domain="raw", init=1)
        m.d.comb += [
            ClockSignal("near").eq(ClockSignal()),
            ResetSignal("near").eq(held),
            ClockSignal("raw").eq(ClockSignal(self._domain)),
            ClockSignal("far").eq(ClockSignal(self._domain)),
            ResetSignal("far").eq(far_held),
        ]
        m.submodules.memory = DomainRenamer("far")(self._memory)
        port, far = self.port, self._memory.port
        requests = self._fifo(m, "requests", ("near", held), port.request, "far")
        self._take_slowly(m, requests, far.request)
        writes = self._fifo(m, "writes", ("near", held), port.write, "far")
        self._take_slowly(m, writes, far.write)
        reads = self._fifo(m, "reads", ("far", far_held), far.read, "near")
        m.d.comb += [
            Value.cast(port.read.payload).eq(reads.r_data),
            port.read.valid.eq(reads.r_rdy & ~held),
            reads.r_en.eq(port.read.ready & ~held),
        ]
        return m

    def _fifo(self, m: Module, name: str, side, source, other_domain) -> AsyncFIFO:
        """A FIFO behind a stream, to another domain; a side is a domain, and if it is in reset."""
        domain, in_reset = side
        m.submodules[name] = fifo = AsyncFIFO(
            width=len(Value.cast(source.payload)),
            depth=DEPTH,
            w_domain=domain,
            r_domain=other_domain,
        )
        m.d.comb += [
            fifo.w_data.eq(source.payload),
            fifo.w_en.eq(source.valid & ~in_reset),
            source.ready.eq(fifo.w_rdy & ~in_reset),
        ]
        return fifo

    def _take_slowly(self, m: Module, fifo: AsyncFIFO, sink) -> None:
        """From a FIFO to a stream in ``far``, one in three cycles.

        That clock is the fast one, and the FIFO reads its memory at the place that follows from
        what is taken in this very cycle: so that is a register.
        """
        take, full = Signal(), Signal()
        payload = Signal.like(Value.cast(sink.payload), reset_less=True)
        m.d.comb += [
            fifo.r_en.eq(take),
            sink.valid.eq(full),
            Value.cast(sink.payload).eq(payload),
        ]
        m.d.far += take.eq(fifo.r_rdy & ~full & ~take)
        with m.If(take):
            m.d.far += [payload.eq(fifo.r_data), full.eq(1)]
        with m.Elif(sink.ready):
            m.d.far += full.eq(0)
