"""The host's registers behind AXI4-Lite."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.bus.interfaces import OKAY, SLAVE_ERROR, AxiLite

ADDRESS_BITS = 10
"""Bits of a byte address: 256 registers of 32 bits."""


class AxiRegisters(wiring.Component):
    """An AXI4-Lite subordinate in front of the accelerator's register bus; one access at a time.

    Latency: a read is answered 2 cycles after its address, a write 1 cycle after address and data.
    Reads wait while `hold` is high.  A write of less than four bytes changes nothing and is
    answered with SLVERR.  Respects back-pressure.  No golden partner.  Validated by cocotbext-axi's
    manager with random pauses on every channel.

    Members
    -------
    axi : In(AxiLite)
        From the host.
    hold : In(1)
        Answer no read.
    host_address : Out(8)
        Register (32-bit words).
    host_write : Out(1)
        Write `host_data_in` to it.
    host_data_in : Out(32)
        Data to write.
    host_data : In(32)
        Data read, a cycle after its address.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "axi": In(AxiLite(ADDRESS_BITS)),
                "hold": In(1),
                "host_address": Out(8),
                "host_write": Out(1),
                "host_data_in": Out(32),
                "host_data": In(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        axi = self.axi
        whole = Signal()
        m.d.comb += [
            whole.eq(axi.wstrb.all()),
            self.host_address.eq(Mux(axi.arvalid & ~self.hold, axi.araddr[2:], axi.awaddr[2:])),
            self.host_data_in.eq(axi.wdata),
        ]
        with m.FSM():
            with m.State("WAIT"):
                with m.If(axi.arvalid & ~self.hold):
                    m.d.comb += axi.arready.eq(1)
                    m.next = "READ"
                with m.Elif(axi.awvalid & axi.wvalid):
                    m.d.comb += [
                        axi.awready.eq(1),
                        axi.wready.eq(1),
                        self.host_write.eq(whole),
                    ]
                    m.d.sync += axi.bresp.eq(Mux(whole, OKAY, SLAVE_ERROR))
                    m.next = "ANSWER_WRITE"
            with m.State("READ"):
                m.d.sync += axi.rdata.eq(self.host_data)
                m.next = "ANSWER_READ"
            with m.State("ANSWER_READ"):
                m.d.comb += axi.rvalid.eq(1)
                with m.If(axi.rready):
                    m.next = "WAIT"
            with m.State("ANSWER_WRITE"):
                m.d.comb += axi.bvalid.eq(1)
                with m.If(axi.bready):
                    m.next = "WAIT"
        return m
