"""External memories of the native simulator: timings, and a controller in RTL."""

from __future__ import annotations

from dataclasses import dataclass

from hw.memory.sdram import SLOW_16X16M, SdramTiming
from sw.cycles.memory import PRESETS as TIMINGS
from sw.cycles.memory import MemoryTiming, memory_timing


@dataclass(frozen=True)
class Sdram:
    """The RTL of :mod:`hw.memory.sdram` with the model of a chip that checks it.

    Attributes
    ----------
    timing : SdramTiming
        Chip and its clock.
    ratio : int
        Cycles of that clock in one of the accelerator's: above 1 with
        :class:`hw.memory.crossing.CrossedMemory` in between.
    """

    timing: SdramTiming
    ratio: int = 1


CONTROLLERS = {
    "sdram-controller": "sdr-sdram",
    "sdram-controller-2x": "sdr-sdram-2x",
}
"""Preset of the RTL to the timing that stands for it where nothing is simulated."""

PRESETS: dict[str, MemoryTiming | Sdram] = TIMINGS | {
    name: Sdram(SdramTiming(SLOW_16X16M, 100_000_000), ratio)
    for ratio, name in enumerate(CONTROLLERS, 1)
}
"""Preset name to a timing, or to a controller in RTL."""


def external_memory(memory: str | MemoryTiming | Sdram) -> MemoryTiming | Sdram:
    """What a preset's name stands for, or `memory` itself.

    Raises
    ------
    MemoryTimingError
        For an unknown name; lists the presets.
    """
    if isinstance(memory, Sdram):
        return memory
    return PRESETS[memory] if memory in CONTROLLERS else memory_timing(memory)
