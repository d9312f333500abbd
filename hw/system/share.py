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

    Latency 1 cycle for requests, 0 for data; one request and one beat each way a cycle.  Respects
    back-pressure.  Data go to and come from the client whose burst is the oldest of its direction,
    and wait for it; write data are held back until memory has accepted their request.  A client
    waits for bursts of the other that were chosen before, so each must send and take the data it
    asked for without waiting for other bursts of its own.  No golden partner.  Validated for random
    bursts with stalls.

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
        reads = self._direction(m, "reads", write=False)
        writes = self._direction(m, "writes", write=True)

        # The chosen request is registered: an offered burst stays although the other client asks.
        chosen = stream.Signature(PORT_REQUEST).create(path=("chosen",))
        owner = Signal()
        free = Signal()
        room = Mux(chosen.payload.write, writes.w_rdy, reads.w_rdy)
        m.d.comb += [
            memory.request.payload.eq(chosen.payload),
            memory.request.valid.eq(chosen.valid & room),
            chosen.ready.eq(memory.request.ready & room),
            free.eq(~chosen.valid | chosen.ready),
        ]
        for queue, write in ((reads, 0), (writes, 1)):
            entry = data.View(OWNED, queue.w_data)
            m.d.comb += [
                entry.client.eq(owner),
                entry.beats.eq(chosen.payload.beats),
                queue.w_en.eq(chosen.valid & chosen.ready & (chosen.payload.write == write)),
            ]
        first, second = (client.request for client in self.client)
        m.d.comb += [first.ready.eq(free), second.ready.eq(free & ~first.valid)]
        with m.If(free):
            m.d.sync += [
                chosen.valid.eq(first.valid | second.valid),
                chosen.payload.eq(Mux(first.valid, first.payload, second.payload)),
                owner.eq(~first.valid),
            ]

        reading, writing = (data.View(OWNED, queue.r_data).client for queue in (reads, writes))
        m.d.comb += [
            memory.read.ready.eq(
                reads.r_rdy & Mux(reading, self.client[1].read.ready, self.client[0].read.ready)
            ),
            memory.write.payload.eq(
                Mux(writing, self.client[1].write.payload, self.client[0].write.payload)
            ),
            memory.write.valid.eq(
                writes.r_rdy & Mux(writing, self.client[1].write.valid, self.client[0].write.valid)
            ),
        ]
        for index, client in enumerate(self.client):
            m.d.comb += [
                client.read.payload.eq(memory.read.payload),
                client.read.valid.eq(memory.read.valid & reads.r_rdy & (reading == index)),
                client.write.ready.eq(memory.write.ready & writes.r_rdy & (writing == index)),
            ]
        return m

    def _direction(self, m: Module, name: str, *, write: bool) -> SyncFIFO:
        """Owners of the outstanding bursts of a direction; the oldest leaves with its last beat."""
        m.submodules[name] = queue = SyncFIFO(width=OWNED.size, depth=BURSTS)
        port = self.memory.write if write else self.memory.read
        moved = Signal(16, name=f"{name}_moved")
        last = Signal(name=f"{name}_last")
        m.d.comb += [
            last.eq(moved + 1 == data.View(OWNED, queue.r_data).beats),
            queue.r_en.eq(port.valid & port.ready & last),
        ]
        with m.If(port.valid & port.ready):
            m.d.sync += moved.eq(Mux(last, 0, moved + 1))
        return queue
