"""The memory port as an AXI4 manager."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.interfaces import BOUNDARY_BEATS, OKAY, Axi, check_addresses
from hw.interfaces import MemoryPort

OUTSTANDING = 15
"""Bursts of one direction that may be unanswered."""


class AxiMemory(wiring.Component):
    """Bursts of the memory port as AXI4 bursts, cut at 4 KiB.

    AXI does not order reads against writes and the memory port does, so the direction changes only
    when every burst of the other one is answered.  Reads overlap; a write burst's data follow its
    address, the next address follows the data.

    Latency 2 cycles for the first request of a burst, 0 for data.  Throughput: a beat a cycle each
    way, a bubble of 2 cycles between write bursts.  Respects back-pressure.  No golden partner.
    Validated against cocotbext-axi's memory with random pauses on every channel.

    Parameters
    ----------
    address_bits : int
        Bits of a byte address, 20 to 64.
    base : int
        Byte address of beat 0, a multiple of 4096.

    Raises
    ------
    ValueError
        A parameter is none of these.

    Members
    -------
    port : In(MemoryPort)
        The accelerator's.
    axi : Out(Axi)
        To memory.
    writing : Out(1)
        A burst is being written and not yet answered.
    error : Out(1)
        Memory has answered a burst with an error since reset.
    """

    def __init__(self, address_bits: int = 32, base: int = 0) -> None:
        check_addresses(address_bits, base)
        self._address_bits, self._base = address_bits, base
        super().__init__(
            {
                "port": In(MemoryPort()),
                "axi": Out(Axi(address_bits)),
                "writing": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        port, axi = self.port, self.axi
        beat_bits = self._address_bits - 4
        address = Signal(beat_bits)  # of the bus, in beats
        left = Signal(16)
        write = Signal()
        here = Signal(range(BOUNDARY_BEATS + 1))  # beats up to the boundary
        beats = Signal.like(here)
        request = port.request.payload
        within = BOUNDARY_BEATS.bit_length() - 1
        m.d.comb += [
            port.request.ready.eq(left == 0),
            here.eq(BOUNDARY_BEATS - address[:within]),
            beats.eq(Mux(left > here, here, left)),
        ]
        with m.If(port.request.ready):
            m.d.sync += [address.eq(request.address + (self._base >> 4)), write.eq(request.write)]
            with m.If(port.request.valid):
                m.d.sync += left.eq(request.beats)

        # An address is offered from a register and stays until it is taken.
        reads = Signal(range(OUTSTANDING + 1))
        writes = Signal(range(OUTSTANDING + 1))
        data_left = Signal(range(BOUNDARY_BEATS + 1))
        offered = axi.awvalid | axi.arvalid
        may = Mux(write, (reads == 0) & (data_left == 0), writes == 0)
        full = (reads == OUTSTANDING) | (writes == OUTSTANDING)
        offer = Signal()
        m.d.comb += offer.eq((left != 0) & ~offered & may & ~full)
        with m.If(axi.awready):
            m.d.sync += axi.awvalid.eq(0)
        with m.If(axi.arready):
            m.d.sync += axi.arvalid.eq(0)
        byte_address = Cat(Const(0, 4), address)
        with m.If(offer):
            m.d.sync += [
                axi.awvalid.eq(write),
                axi.arvalid.eq(~write),
                axi.awaddr.eq(byte_address),
                axi.araddr.eq(byte_address),
                axi.awlen.eq(beats - 1),
                axi.arlen.eq(beats - 1),
                address.eq(address + beats),
                left.eq(left - beats),
            ]
            with m.If(write):
                m.d.sync += data_left.eq(beats)

        # Data. `offer` comes only without data left, so the two never meet.
        m.d.comb += [
            axi.wvalid.eq(port.write.valid & (data_left != 0)),
            axi.wdata.eq(port.write.payload),
            axi.wlast.eq(data_left == 1),
            port.write.ready.eq(axi.wready & (data_left != 0)),
            port.read.valid.eq(axi.rvalid),
            port.read.payload.eq(axi.rdata),
            axi.rready.eq(port.read.ready),
        ]
        with m.If(axi.wvalid & axi.wready):
            m.d.sync += data_left.eq(data_left - 1)

        read_done = axi.rvalid & axi.rready & axi.rlast
        m.d.sync += [
            reads.eq(reads + (offer & ~write) - read_done),
            writes.eq(writes + (offer & write) - axi.bvalid),
        ]
        m.d.comb += self.writing.eq((writes != 0) | ((left != 0) & write))
        failed = (axi.rvalid & axi.rready & (axi.rresp != OKAY)) | (
            axi.bvalid & (axi.bresp != OKAY)
        )
        with m.If(failed):
            m.d.sync += self.error.eq(1)
        return m
