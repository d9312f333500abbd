"""What goes into a bitstream: link, accelerator, and memory behind one port."""

from hw.system.on_chip import OnChipMemory
from hw.system.system import System

__all__ = ["OnChipMemory", "System"]
