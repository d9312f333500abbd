"""External memory that is not external: block RAM behind the memory port."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from hw.interfaces import MemoryPort

BITS = 128
BANK = 512
"""Beats of the smallest bank: four block RAMs of 18 kbit, 32 bits wide."""


def bank_sizes(beats: int) -> list[int]:
    """Powers of two, falling, that add up to `beats`."""
    return [1 << bit for bit in reversed(range(beats.bit_length())) if beats >> bit & 1]


class OnChipMemory(wiring.Component):
    """Beats of 128 bits in block RAM, for models that fit.

    One burst at a time, a beat a cycle: the first beat read can be taken 2 cycles after its request
    was accepted, beats are written from the cycle after it on; the next request is taken with the
    last beat's going out, so bursts follow each other without a gap but for the latency of reads.
    Respects back-pressure.  No golden partner.  Validated for random bursts with stalls.

    The size is made of banks, each a power of two and the next one smaller, so that a model takes
    what it needs and no block RAM more; a burst runs from bank to bank.  Addresses wrap at the next
    power of two: whoever asks keeps within `beats`, as the program of a model that fits does.

    Parameters
    ----------
    beats : int
        Size, a multiple of `BANK`, or a power of two below it; 8 block RAMs of 18 kbit hold 1024.

    Members
    -------
    port : In(MemoryPort)
        Client.
    """

    def __init__(self, beats: int) -> None:
        small = 2 <= beats < BANK and not beats & (beats - 1)
        if not small and (beats <= 0 or beats % BANK):
            raise ValueError(
                f"OnChipMemory: beats={beats} is neither a multiple of {BANK} nor a power of two "
                "from 2 on"
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
        start = 0
        for i, size in enumerate(bank_sizes(self.beats)):
            m.submodules[f"bank{i}"] = bank = Memory(shape=BITS, depth=size, init=[])
            reads = bank.read_port(domain="sync", transparent_for=())
            writes = bank.write_port(domain="sync")
            # Whoever came before is larger and a power of two: `start` is a multiple of `size`.
            here, last = Signal(name=f"here{i}"), Signal(name=f"last{i}")
            inside = size.bit_length() - 1
            m.d.comb += [
                here.eq(address[inside:] == start >> inside),
                reads.addr.eq(address),
                reads.en.eq(take & ~writing & here),
                writes.addr.eq(address),
                writes.data.eq(port.write.payload),
                writes.en.eq(take & writing & here),
            ]
            with m.If(take & ~writing):
                m.d.sync += last.eq(here)
            with m.If(last):
                m.d.comb += port.read.payload.eq(reads.data)
            start += size
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
