"""The SDRAM controller with its chip as a shared library for native simulators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hw.memory.sdram import SdramTiming
from sim.build.program import build_program
from sim.sdram import TOP, sdram_sources

MAIN = Path(__file__).with_name("sdram.cpp")
HEADERS = (Path(__file__).with_name("memory.h"),)


def build_sdram(timing: SdramTiming, *, report: Callable[[str], None] = lambda _: None) -> Path:
    """The library of the controller at a clock, from the cache where nothing changed.

    Raises
    ------
    SimulatorBuildError
        A tool is missing, or the Verilog or C++ does not compile.
    """
    report(f"SDRAM controller at {timing.clock_hz / 1e6:g} MHz")
    return build_program(
        TOP, sdram_sources(timing), MAIN, headers=HEADERS, shared=True, report=report
    ).path
