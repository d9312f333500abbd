"""Beats of external memory from bytes, and bytes from beats."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import MemoryPort
from hw.spec.link import BEAT_BYTES

ACCESS = data.StructLayout({"write": 1, "ahead": 1, "address": 32, "beats": 16})
"""`beats` from `address` on are written from bytes, or read to bytes.

`ahead`: the next beat may be asked for while the bytes of one are on their way.  Only for those who
take a byte every cycle: a beat that waits keeps others from the port.
"""


class MemoryAccess(wiring.Component):
    """Writes and reads memory in bursts of one beat, low byte first.

    16 cycles a beat and the port's latency, or, read ahead, the greater of 17 cycles and the port's
    latency and 2; and what the bytes' other side takes.  Respects back-pressure.  A port that does
    not move for `patience` cycles is reported, and a reset is the way out.  No golden partner.
    Validated within :class:`hw.link.link.Link`.

    Parameters
    ----------
    patience : int
        Cycles.

    Members
    -------
    access : In(stream of ACCESS)
        What to do next, taken when all before is done.
    to_memory : In(stream of 8)
        Bytes to write.
    from_memory : Out(stream of 8)
        Bytes read.
    port : Out(MemoryPort)
        External memory.
    stuck : Out(1)
        The port has not moved for `patience` cycles.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        super().__init__(
            {
                "access": In(stream.Signature(ACCESS)),
                "to_memory": In(stream.Signature(8)),
                "from_memory": Out(stream.Signature(8)),
                "port": Out(MemoryPort(8 * BEAT_BYTES)),
                "stuck": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        port, request = self.port, self.port.request
        now = Signal(ACCESS)
        beat = Signal(8 * BEAT_BYTES)
        held = Signal(range(BEAT_BYTES + 1))  # bytes in `beat`
        empty, full = Signal(init=1), Signal()  # there are none, all
        asked = Signal()  # a request was accepted, its beat has not moved
        left = Signal(16)  # beats that have not moved; of reads, that were not asked for
        moved = Signal()
        into_beat = self.to_memory.valid & self.to_memory.ready
        out_of_beat = self.from_memory.valid & self.from_memory.ready

        m.d.comb += [
            request.payload.write.eq(now.write),
            request.payload.address.eq(now.address),
            request.payload.beats.eq(1),
            port.write.payload.eq(beat),
            self.from_memory.payload.eq(beat[:8]),
        ]
        with m.If(now.write):
            m.d.comb += [
                self.to_memory.ready.eq((left != 0) & ~full),
                request.valid.eq(full & ~asked),
                port.write.valid.eq(asked),
                moved.eq(port.write.valid & port.write.ready),
                self.access.ready.eq(left == 0),
            ]
        with m.Else():
            m.d.comb += [
                request.valid.eq((left != 0) & ~asked & (now.ahead | empty)),
                port.read.ready.eq(asked & empty),
                moved.eq(port.read.valid & port.read.ready),
                self.from_memory.valid.eq(~empty),
                self.access.ready.eq((left == 0) & ~asked & empty),
            ]
        accepted = request.valid & request.ready
        with m.If(accepted):
            m.d.sync += [asked.eq(1), now.address.eq(now.address + 1)]
        with m.If(moved):
            m.d.sync += asked.eq(0)
        with m.If(now.write & moved | ~now.write & accepted):
            m.d.sync += left.eq(left - 1)

        with m.If(into_beat):
            m.d.sync += [
                beat.eq(Cat(beat[8:], self.to_memory.payload)),
                held.eq(held + 1),
                empty.eq(0),
                full.eq(held == BEAT_BYTES - 1),
            ]
        with m.If(out_of_beat):
            m.d.sync += [beat.eq(beat >> 8), held.eq(held - 1), empty.eq(held == 1), full.eq(0)]
        with m.If(moved):
            m.d.sync += [held.eq(0), empty.eq(1), full.eq(0)]
            with m.If(~now.write):
                m.d.sync += [
                    beat.eq(port.read.payload),
                    held.eq(BEAT_BYTES),
                    empty.eq(0),
                    full.eq(1),
                ]

        with m.If(self.access.valid & self.access.ready):
            m.d.sync += [now.eq(self.access.payload), left.eq(self.access.payload.beats)]

        still = Signal(range(self._patience + 1))
        waits = request.valid | asked
        m.d.comb += self.stuck.eq(still == self._patience)
        with m.If(~waits | accepted | moved):
            m.d.sync += still.eq(0)
        with m.Elif(~self.stuck):
            m.d.sync += still.eq(still + 1)
        return m
