"""Shares external memory between two clients, burst by burst."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from hw.interfaces import PORT_REQUEST, MemoryPort

BURSTS = 8
"""Bursts of a direction that may be outstanding."""
OWNED = data.StructLayout({"client": 1, "beats": 16})


class PortShare(wiring.Component):
    """Merges two memory ports; the first client comes first whenever a burst is chosen.

    Latency 1 cycle for requests, 0 for data; a request every 2 cycles, a beat each way a cycle.
    Respects back-pressure.  Data go to and come from the client whose burst is the oldest of its
    direction, and wait for it; write data are held back until memory has accepted their request.  A
    client waits for bursts of the other that were chosen before, so each must send and take the
    data it asked for without waiting for other bursts of its own.  No golden partner.  Validated
    for random bursts with stalls.

    Members
    -------
    client : In(MemoryPort) x 2
        The first has priority.
    memory : Out(MemoryPort)
        To external memory.
    """

    def __init__(self, bits: int = 128) -> None:
        super().__init__({"client": In(MemoryPort(bits)).array(2), "memory": Out(MemoryPort(bits))})

    def elaborate(self, platform):
        m = Module()
        memory = self.memory
        reads, reading = self._direction(m, "reads", write=False)
        writes, writing = self._direction(m, "writes", write=True)

        # The chosen request is registered: an offered burst stays although the other client asks.
        chosen = stream.Signature(PORT_REQUEST).create(path=("chosen",))
        owner = Signal()
        room = Mux(chosen.payload.write, writes.w_rdy, reads.w_rdy)
        m.d.comb += [
            memory.request.payload.eq(chosen.payload),
            memory.request.valid.eq(chosen.valid & room),
            chosen.ready.eq(memory.request.ready & room),
        ]
        for queue, write in ((reads, 0), (writes, 1)):
            entry = data.View(OWNED, queue.w_data)
            m.d.comb += [
                entry.client.eq(owner),
                entry.beats.eq(chosen.payload.beats),
                queue.w_en.eq(chosen.valid & chosen.ready & (chosen.payload.write == write)),
            ]
        first, second = (client.request for client in self.client)
        # The next is taken once it is gone: no wire from memory's `ready` to the clients.
        m.d.comb += [
            first.ready.eq(~chosen.valid),
            second.ready.eq(~chosen.valid & ~first.valid),
        ]
        with m.If(chosen.ready):
            m.d.sync += chosen.valid.eq(0)
        with m.If(~chosen.valid):
            m.d.sync += [
                chosen.valid.eq(first.valid | second.valid),
                chosen.payload.eq(Mux(first.valid, first.payload, second.payload)),
                owner.eq(~first.valid),
            ]

        def whose(of, first, second):
            return of[0] & first | of[1] & second

        first, second = self.client
        m.d.comb += [
            memory.read.ready.eq(whose(reading, first.read.ready, second.read.ready)),
            memory.write.payload.eq(Mux(writing[1], second.write.payload, first.write.payload)),
            memory.write.valid.eq(whose(writing, first.write.valid, second.write.valid)),
        ]
        for index, client in enumerate(self.client):
            m.d.comb += [
                client.read.payload.eq(memory.read.payload),
                client.read.valid.eq(memory.read.valid & reading[index]),
                client.write.ready.eq(memory.write.ready & writing[index]),
            ]
        return m

    def _direction(self, m: Module, name: str, *, write: bool) -> tuple[SyncFIFO, Signal]:
        """Queue of a direction's outstanding bursts, and, one hot, whose beats move now."""
        m.submodules[name] = queue = SyncFIFO(width=OWNED.size, depth=BURSTS)
        port = self.memory.write if write else self.memory.read
        # The oldest burst is copied a cycle before it leaves the queue: what moves asks nothing of
        # the queue's level.
        whose = Signal(2, name=f"{name}_whose")
        left = Signal(16, name=f"{name}_left", reset_less=True)
        last, copied = Signal(name=f"{name}_last"), Signal(name=f"{name}_copied")
        oldest = data.View(OWNED, queue.r_data)
        m.d.comb += queue.r_en.eq(copied)
        m.d.sync += copied.eq(0)
        moves = port.valid & port.ready
        with m.If(moves):
            m.d.sync += [left.eq(left - 1), last.eq(left == 2)]
            with m.If(last):
                m.d.sync += whose.eq(0)
        with m.If(queue.r_rdy & ~copied & (~whose.any() | (moves & last))):
            m.d.sync += [
                copied.eq(1),
                whose.eq(Mux(oldest.client, 0b10, 0b01)),
                left.eq(oldest.beats),
                last.eq(oldest.beats == 1),
            ]
        return queue, whose
