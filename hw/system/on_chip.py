"""External memory that is not external: block RAM behind the memory port."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from hw.interfaces import MemoryPort

BITS = 128


class OnChipMemory(wiring.Component):
    """Beats of 128 bits in block RAM, for models that fit.

    One burst at a time, a beat a cycle: the first beat read can be taken 2 cycles after its request
    was accepted, beats are written from the cycle after it on; the next request is taken with the
    last beat's going out, so bursts follow each other without a gap but for the latency of reads.
    Respects back-pressure.  Addresses wrap at the size.  No golden partner.  Validated for random
    bursts with stalls.

    Parameters
    ----------
    beats : int
        Size, a power of two; 8 block RAMs of 18 kbit hold 1024.

    Members
    -------
    port : In(MemoryPort)
        Client.
    """

    def __init__(self, beats: int) -> None:
        if beats < 2 or beats & (beats - 1):
            raise ValueError(f"OnChipMemory: beats={beats} is not a power of two from 2 on")
        self.beats = beats
        super().__init__({"port": In(MemoryPort(BITS))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
        m.submodules.block = block = Memory(shape=BITS, depth=self.beats, init=[])
        reads = block.read_port(domain="sync", transparent_for=())
        writes = block.write_port(domain="sync")

        address = Signal(range(self.beats))
        left = Signal(16)
        writing = Signal()
        take = Signal()  # the beat at `address` is read or written in this cycle
        shown = Signal()  # the RAM's output is the beat on offer

        m.d.comb += [
            port.write.ready.eq(writing & (left != 0)),
            take.eq(
                Mux(
                    writing,
                    port.write.ready & port.write.valid,
                    (left != 0) & (~shown | port.read.ready),
                )
            ),
            reads.addr.eq(address),
            reads.en.eq(take & ~writing),
            writes.addr.eq(address),
            writes.data.eq(port.write.payload),
            writes.en.eq(take & writing),
            port.read.valid.eq(shown),
            port.read.payload.eq(reads.data),
            port.request.ready.eq((left == 0) | ((left == 1) & take)),
        ]
        with m.If(take):
            m.d.sync += [address.eq(address + 1), left.eq(left - 1)]
        with m.If(reads.en):
            m.d.sync += shown.eq(1)
        with m.Elif(port.read.ready):
            m.d.sync += shown.eq(0)
        with m.If(port.request.valid & port.request.ready):
            m.d.sync += [
                address.eq(port.request.payload.address),
                left.eq(port.request.payload.beats),
                writing.eq(port.request.payload.write),
            ]
        return m
