"""External memory that is not external: block RAM behind the memory port."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.interfaces import MemoryPort, MemoryRead
from hw.memory.banks import add_banks
from hw.spec.configuration import is_memory_size

BITS = 128


class OnChipMemory(wiring.Component):
    """Beats of 128 bits in block RAM, for models that fit.

    One burst at a time, a beat a cycle: the first beat read can be taken 2 cycles after its request
    was accepted, beats are written from the cycle after it on; the next request is taken with the
    last beat's going out, so bursts follow each other without a gap but for the latency of reads.
    Respects back-pressure.  No golden partner.  Validated for random bursts with stalls.

    The block RAM is in banks (:func:`hw.memory.banks.add_banks`), so that a model takes what it
    needs and no more; a burst runs from bank to bank.  Whoever asks keeps within `beats`, as the
    program of a model that fits does.

    Parameters
    ----------
    beats : int
        Size, by the rule of :func:`hw.spec.configuration.is_memory_size`; 8 block RAMs of 18 kbit
        hold 1024.

    Members
    -------
    port : In(MemoryPort)
        Client.
    """

    def __init__(self, beats: int) -> None:
        if not is_memory_size(beats):
            raise ValueError(
                f"OnChipMemory: beats={beats} is neither a multiple of 512 nor a power of two from "
                "2 on"
            )
        self.beats = beats
        super().__init__({"port": In(MemoryPort(BITS))})

    def elaborate(self, platform):
        m = Module()
        port = self.port
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
            port.read.valid.eq(shown),
            port.request.ready.eq((left == 0) | ((left == 1) & take)),
        ]
        with m.If(take):
            m.d.sync += [address.eq(address + 1), left.eq(left - 1)]
        read = MemoryRead(self.beats, BITS).flip().create(path=("block",))
        reads, writes = take & ~writing, take & writing
        add_banks(m, "block", self.beats, read, reads, address, port.write.payload, writes)
        m.d.comb += [read.address.eq(address), port.read.payload.eq(read.data)]
        with m.If(take & ~writing):
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
