"""Standard buses around the accelerator, for systems of one's own."""

from hw.bus.accelerator import AxiAccelerator
from hw.bus.memory import AxiMemory
from hw.bus.registers import AxiRegisters

__all__ = ["AxiAccelerator", "AxiMemory", "AxiRegisters"]
