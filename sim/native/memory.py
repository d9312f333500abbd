"""External memories of the native simulator: timings, and a controller in RTL."""

from __future__ import annotations

from hw.memory.sdram import SLOW_16X16M, SdramTiming
from sw.cycles.memory import PRESETS as TIMINGS
from sw.cycles.memory import MemoryTiming, memory_timing

CONTROLLER = "sdram-controller"
"""The RTL of :mod:`hw.memory.sdram` with the model of a chip that checks it."""
CONTROLLER_TIMING = "sdr-sdram"
"""The timing that stands for it where nothing is simulated."""

PRESETS: dict[str, MemoryTiming | SdramTiming] = TIMINGS | {
    CONTROLLER: SdramTiming(SLOW_16X16M, 100_000_000)
}
"""Preset name to a timing, or to the clock and chip of a controller in RTL."""


def external_memory(memory: str | MemoryTiming | SdramTiming) -> MemoryTiming | SdramTiming:
    """What a preset's name stands for, or `memory` itself.

    Raises
    ------
    MemoryTimingError
        For an unknown name; lists the presets.
    """
    if isinstance(memory, SdramTiming):
        return memory
    return PRESETS[CONTROLLER] if memory == CONTROLLER else memory_timing(memory)
