"""A running virtual board: a process, and a pseudo-terminal that a serial driver opens."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import tty
from collections.abc import Callable
from dataclasses import dataclass

from hw.spec.configuration import DEFAULT_CONFIGURATION, Configuration, find_configuration
from sim.board.top import build_board
from sim.errors import SimulationError
from sw.cycles.memory import MemoryTiming, memory_timing

MEMORY_BEATS = 1 << 21
"""Beats of external memory, 32 MiB, as small ECP5 boards have."""
END_S = 10.0


@dataclass(frozen=True)
class BoardStatistics:
    """What a board did.

    Attributes
    ----------
    cycles, core_cycles : int
        Clock cycles of the link and memory, and of the accelerator among them.
    received, sent : int
        Bytes on `rx` and on `tx`.
    """

    cycles: int
    core_cycles: int
    received: int
    sent: int


class VirtualBoard:
    """The bitstream's RTL from the UART's pins to the memory port; memory is C++.

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

    Attributes
    ----------
    port : str
        The terminal's path; the driver's backend is ``serial:`` and it.

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
        executable = build_board(configuration, MEMORY_BEATS, report)
        # Both ends stay open here: the terminal outlives the programs that use it.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        numbers = [*timing.arguments(), str(MEMORY_BEATS), str(self._master), str(int(every_cycle))]
        self._process = subprocess.Popen(
            [str(executable), *numbers], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            pass_fds=[self._master], start_new_session=True, text=True,
        )  # fmt: skip

    @property
    def running(self) -> bool:
        """Whether the board is on."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Waits until the board ends by itself; its exit status."""
        return self._process.wait()

    def close(self) -> BoardStatistics:
        """Switches it off.

        Raises
        ------
        SimulationError
            It had ended before: the accelerator asked for beats outside memory, or it was killed.
        """
        try:
            output, _ = self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            raise SimulationError("virtual board: does not end; it was stopped") from None
        finally:
            self.pull()
        numbers = output.split()
        if len(numbers) != 4:
            raise SimulationError(
                f"virtual board: ended before with status {self._process.returncode}"
            )
        return BoardStatistics(*map(int, numbers))

    def pull(self) -> None:
        """Pulls the cable: the board and its port are gone at once; again does nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for descriptor in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._master = self._slave = -1

    def __enter__(self) -> VirtualBoard:
        return self

    def __exit__(self, *error: object) -> None:
        self.pull()
