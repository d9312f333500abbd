"""The accelerator with standard buses: what goes into a system of one's own."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.accelerator import Accelerator
from hw.bus.interfaces import Axi, AxiLite, check_addresses
from hw.bus.memory import AxiMemory
from hw.bus.registers import ADDRESS_BITS, AxiRegisters
from hw.spec.configuration import Configuration


class AxiAccelerator(wiring.Component):
    """Registers on AXI4-Lite, external memory on AXI4, an interrupt at the end of a run.

    ::

        control (AXI4-Lite) ─► registers ─► accelerator ─► memory (AXI4)

    Throughput, latency and back-pressure are those of its parts.  What `status` and `interrupt`
    say of the end of a run holds for memory too: no register is read, and no interrupt raised,
    before memory has answered every write.  Golden partner: :mod:`sw.golden`.  Validated by a
    network run from a host's and a memory's model of cocotbext-axi.

    Parameters
    ----------
    configuration : Configuration
        Sizes.
    address_bits : int
        Bits of a byte address of memory, 20 to 64.
    base : int
        Byte address of the accelerator's beat 0, a multiple of 4096.

    Raises
    ------
    ValueError
        `address_bits` or `base` is none of these.

    Members
    -------
    control : In(AxiLite)
        Registers of :mod:`hw.spec.registers`, four bytes each.
    memory : Out(Axi)
        External memory.
    interrupt : Out(1)
        High from the end of a run to the next start.
    memory_error : Out(1)
        Memory has answered with an error since reset: results are not to be trusted.
    """

    def __init__(self, configuration: Configuration, address_bits: int = 32, base: int = 0) -> None:
        check_addresses(address_bits, base)
        self._configuration = configuration
        self._address_bits, self._base = address_bits, base
        super().__init__(
            {
                "control": In(AxiLite(ADDRESS_BITS)),
                "memory": Out(Axi(address_bits)),
                "interrupt": Out(1),
                "memory_error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.accelerator = accelerator = Accelerator(self._configuration)
        m.submodules.registers = registers = AxiRegisters()
        m.submodules.memory = memory = AxiMemory(self._address_bits, self._base)
        connect(m, flipped(self.control), registers.axi)
        connect(m, accelerator.port, memory.port)
        connect(m, memory.axi, flipped(self.memory))
        m.d.comb += [
            registers.hold.eq(memory.writing),
            accelerator.host_address.eq(registers.host_address),
            accelerator.host_write.eq(registers.host_write),
            accelerator.host_data_in.eq(registers.host_data_in),
            registers.host_data.eq(accelerator.host_data),
            self.memory_error.eq(memory.error),
        ]
        m.d.sync += self.interrupt.eq(accelerator.done & ~memory.writing)
        return m
