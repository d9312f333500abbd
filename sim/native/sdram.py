"""The SDRAM controller with its chip as a shared library for native simulators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim.build.program import build_program
from sim.native.memory import Sdram
from sim.sdram import TOP, sdram_sources

MAIN = Path(__file__).with_name("sdram.cpp")
HEADERS = (Path(__file__).with_name("memory.h"),)


def build_sdram(memory: Sdram, *, report: Callable[[str], None] = lambda _: None) -> Path:
    """The library of the controller at its clocks, from the cache where nothing changed.

    Raises
    ------
    SimulatorBuildError
        A tool is missing, or the Verilog or C++ does not compile.
    """
    report(f"SDRAM controller at {memory.timing.clock_hz / 1e6:g} MHz")
    sources = sdram_sources(memory.timing, ratio=memory.ratio)
    return build_program(TOP, sources, MAIN, headers=HEADERS, shared=True, report=report).path
