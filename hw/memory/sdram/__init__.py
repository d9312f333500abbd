"""A controller for one single-data-rate SDRAM behind the memory port."""

from hw.memory.sdram.capture import capture_cycles
from hw.memory.sdram.chip import SLOW_16X16M, SdramChip, SdramError, SdramTiming
from hw.memory.sdram.controller import SdramController
from hw.memory.sdram.pins import SdramPins

__all__ = [
    "SLOW_16X16M",
    "SdramChip",
    "SdramController",
    "SdramError",
    "SdramPins",
    "SdramTiming",
    "capture_cycles",
]
