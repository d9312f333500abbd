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
REQUESTS = 4
"""Bursts between the clocks."""
BEATS = 16
"""Beats between the clocks, each way: what LUT RAM holds in one piece."""


class CrossedMemory(wiring.Component):
    """A memory of another clock domain behind the port: three FIFOs between the clocks.

    The clocks need not be related.  While ``sync``'s reset lasts, and `RESET_CYCLES` longer, either
    side is held in reset and nothing moves: no beat of before comes through afterwards.  The other
    clock must be at least a quarter as fast.

    Latency: a request takes a cycle of ``sync`` and two or three of the other clock on its way, a
    beat as much of the clocks changed about on its way back.  Throughput: a beat a cycle of the
    slower clock.  Respects back-pressure.  No golden partner.  Validated with the SDRAM controller
    at one and two times the clock of ``sync``: random bursts with pauses, and resets.

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
        far = self._memory.port
        port, far, near_side, far_side = (
            self.port, self._memory.port, ("near", held), ("far", far_held)
        )  # fmt: skip
        self._cross(m, "requests", REQUESTS, near_side, port.request, far_side, far.request)
        self._cross(m, "writes", BEATS, near_side, port.write, far_side, far.write)
        self._cross(m, "reads", BEATS, far_side, far.read, near_side, port.read)
        return m

    def _cross(self, m: Module, name: str, depth: int, side, source, other_side, sink) -> None:
        """A FIFO from a stream to a stream; a side is its domain, and whether it is in reset."""
        (w_domain, w_held), (r_domain, r_held) = side, other_side
        m.submodules[name] = fifo = AsyncFIFO(
            width=len(Value.cast(source.payload)),
            depth=depth,
            w_domain=w_domain,
            r_domain=r_domain,
        )
        m.d.comb += [
            fifo.w_data.eq(source.payload),
            fifo.w_en.eq(source.valid & ~w_held),
            source.ready.eq(fifo.w_rdy & ~w_held),
            Value.cast(sink.payload).eq(fifo.r_data),
            sink.valid.eq(fifo.r_rdy & ~r_held),
            fifo.r_en.eq(sink.ready & ~r_held),
        ]
