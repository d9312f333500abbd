"""Cycles of a program, predicted: the accelerator's units as events, no value touched."""

from sw.cycles.memory import PRESETS, MemoryTiming, MemoryTimingError, memory_timing
from sw.cycles.model import Prediction, predict

__all__ = [
    "PRESETS",
    "MemoryTiming",
    "MemoryTimingError",
    "Prediction",
    "memory_timing",
    "predict",
]
