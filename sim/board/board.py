"""A virtual board of any configuration, with a memory that is timing alone."""

from __future__ import annotations

from collections.abc import Callable

from hw.spec.configuration import DEFAULT_CONFIGURATION, Configuration, find_configuration
from sim.board.running import DESCRIPTOR, RunningBoard
from sim.board.top import build_board
from sw.cycles.memory import MemoryTiming, memory_timing

MEMORY_BEATS = 1 << 21
"""Beats of external memory, 32 MiB, as small ECP5 boards have."""


class VirtualBoard(RunningBoard):
    """The system that goes into bitstreams, from the UART's pins to the memory port; memory is C++.

    A board's whole top, with its clocks, pads and memory, is :mod:`bitstreams.virtual`.

    Parameters
    ----------
    configuration : str or Configuration
        The accelerator's sizes.
    memory : str or MemoryTiming
        A key of :data:`sw.cycles.memory.PRESETS`, or a timing of your own.
    every_cycle : bool
        Run the accelerator's clock in cycles in which its state cannot change, too: much slower.
    report : callable
        Called with one line of progress a step of the build.

    Raises
    ------
    ConfigurationError, MemoryTimingError
        Unknown name.
    SimulatorBuildError
        A tool is missing, or something does not compile.
    """

    def __init__(
        self,
        configuration: str | Configuration = DEFAULT_CONFIGURATION,
        memory: str | MemoryTiming = "ideal",
        *,
        every_cycle: bool = False,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        if isinstance(configuration, str):
            configuration = find_configuration(configuration)
        timing = memory_timing(memory)
        super().__init__(
            build_board(configuration, MEMORY_BEATS, report),
            [*timing.arguments(), str(MEMORY_BEATS), DESCRIPTOR, str(int(every_cycle))],
        )
