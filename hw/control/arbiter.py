"""Shares the memory port among command fetch, store and loader."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.control.queue import Queue
from hw.interfaces import PORT_REQUEST, MemoryPort
from hw.spec.configuration import Configuration

OUTSTANDING_READS = 8
"""Read bursts whose data may be outstanding."""


class PortArbiter(wiring.Component):
    """Chooses a burst at a time: fetch before store before load; read data returns in order.

    Latency 1 cycle for requests, 0 for data; a request every 2 cycles, a beat each way a cycle.
    Respects back-pressure; a read beat waits for the client whose burst is next.  Write data is
    held back until its request was accepted.  No golden partner.  Validated for bursts of up to 64
    beats, at most 255 write beats requested ahead.

    Parameters
    ----------
    configuration : Configuration
        Gives port_bits.

    Members
    -------
    fetch_request : In(stream of PORT_REQUEST)
        Program reads.
    fetch_data : Out(stream of port_bits)
        Their beats.
    store_request : In(stream of PORT_REQUEST)
        Writes; each request's beats are ready by then or follow without waiting for reads.
    store_data : In(stream of port_bits)
        Their beats.
    load_request : In(stream of PORT_REQUEST)
        Reads of LOAD.
    load_data : Out(stream of port_bits)
        Their beats.
    port : Out(MemoryPort)
        To external memory.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        beat = stream.Signature(configuration.port_bits)
        request = stream.Signature(PORT_REQUEST)
        super().__init__(
            {
                "fetch_request": In(request),
                "fetch_data": Out(beat),
                "store_request": In(request),
                "store_data": In(beat),
                "load_request": In(request),
                "load_data": Out(beat),
                "port": Out(MemoryPort(configuration.port_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        port = self.port
        owner_layout = data.StructLayout({"fetch": 1, "beats": 7})
        m.submodules.owners = owners = Queue(self._configuration, owner_layout, OUTSTANDING_READS)

        # The chosen request is registered: an offered burst stays although a client of higher
        # priority comes along.  The next is taken once it is gone: no wire from memory's `ready`
        # to the clients.
        free = Signal()
        m.d.comb += free.eq(~port.request.valid)
        with m.If(port.request.ready):
            m.d.sync += port.request.valid.eq(0)
        readable = free & owners.input.ready
        choice = [
            (self.fetch_request, readable),
            (self.store_request, free),
            (self.load_request, readable),
        ]
        taken = 0
        for client, room in choice:
            m.d.comb += client.ready.eq(room & ~taken)
            with m.If(client.valid & client.ready):
                m.d.sync += [port.request.valid.eq(1), port.request.payload.eq(client.payload)]
            taken = taken | (client.valid & room)
        m.d.comb += [
            owners.input.valid.eq(
                (self.fetch_request.valid & self.fetch_request.ready)
                | (self.load_request.valid & self.load_request.ready)
            ),
            owners.input.payload.fetch.eq(self.fetch_request.valid),
            owners.input.payload.beats.eq(
                Mux(
                    self.fetch_request.valid,
                    self.fetch_request.payload.beats,
                    self.load_request.payload.beats,
                )
            ),
        ]

        owner = owners.output
        moved = Signal(7)
        last = Signal()
        m.d.comb += [
            self.fetch_data.payload.eq(port.read.payload),
            self.load_data.payload.eq(port.read.payload),
            self.fetch_data.valid.eq(port.read.valid & owner.valid & owner.payload.fetch),
            self.load_data.valid.eq(port.read.valid & owner.valid & ~owner.payload.fetch),
            port.read.ready.eq(
                owner.valid & Mux(owner.payload.fetch, self.fetch_data.ready, self.load_data.ready)
            ),
            last.eq(moved + 1 == owner.payload.beats),
            owner.ready.eq(port.read.valid & port.read.ready & last),
        ]
        with m.If(port.read.valid & port.read.ready):
            m.d.sync += moved.eq(Mux(last, 0, moved + 1))

        owed = Signal(8)
        asked = port.request.valid & port.request.ready & port.request.payload.write
        sent = port.write.valid & port.write.ready
        m.d.comb += [
            port.write.payload.eq(self.store_data.payload),
            port.write.valid.eq(self.store_data.valid & (owed != 0)),
            self.store_data.ready.eq(port.write.ready & (owed != 0)),
        ]
        m.d.sync += owed.eq(owed + Mux(asked, port.request.payload.beats, 0) - sent)
        return m
