"""A running board: a process behind a pseudo-terminal, which a serial driver opens."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import tty
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.errors import SimulationError

END_S = 10.0
DESCRIPTOR = "DESCRIPTOR"
"""In the arguments of a board's process: that of the terminal's master side."""


@dataclass(frozen=True)
class BoardStatistics:
    """What a board did.

    Attributes
    ----------
    cycles, core_cycles : int
        Clock cycles of the link, and of the accelerator among them.
    received, sent : int
        Bytes on `rx` and on `tx`.
    """

    cycles: int
    core_cycles: int
    received: int
    sent: int


class RunningBoard:
    """A board's process and its port.

    Parameters
    ----------
    executable : Path
        It moves bytes between the terminal and the UART's pins until its standard input ends, and
        prints the members of :class:`BoardStatistics`; or why it failed, if its status is not 0.
    arguments : sequence of str
        Of it; `DESCRIPTOR` stands for the number of the descriptor.

    Attributes
    ----------
    port : str
        The terminal's path; the driver's backend is ``serial:`` and it.
    """

    def __init__(self, executable: Path, arguments: Sequence[str]) -> None:
        # Both ends stay open here: the terminal outlives the programs that use it.
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        command = [str(self._master) if a == DESCRIPTOR else a for a in arguments]
        try:
            self._process = subprocess.Popen(
                [str(executable), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                pass_fds=[self._master], start_new_session=True, text=True,
            )  # fmt: skip
        except OSError:
            self._unplug()
            raise

    @property
    def running(self) -> bool:
        """Whether the board is on."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Waits until the board ends by itself; its exit status."""
        return self._process.wait()

    def serve(self) -> None:
        """Says on standard output where it is, runs until it is interrupted, says what it did.

        Raises
        ------
        SimulationError
            As :meth:`close`.
        """
        print(f"serial:{self.port}", flush=True)
        print(
            f"  python -m sw classify PICTURE --backend serial:{self.port}", file=sys.stderr,
            flush=True,
        )  # fmt: skip
        with contextlib.suppress(KeyboardInterrupt):
            self.wait()
        done = self.close()
        print(
            f"  {done.cycles:,} cycles, the accelerator's clock ran in {done.core_cycles:,}; "
            f"{done.received:,} bytes received, {done.sent:,} sent",
            file=sys.stderr,
        )

    def close(self) -> BoardStatistics:
        """Switches it off.

        Raises
        ------
        SimulationError
            It had ended before: the accelerator asked for beats outside memory, a rule of the
            memory's was broken, or it was killed.
        """
        try:
            output, _ = self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            raise SimulationError("virtual board: does not end; it was stopped") from None
        finally:
            self.pull()
        if self._process.returncode:
            why = next(iter(output.strip().splitlines()), "no reason given here")
            raise SimulationError(
                f"virtual board: ended before with status {self._process.returncode}: {why}"
            )
        return BoardStatistics(*map(int, output.split()))

    def pull(self) -> None:
        """Pulls the cable: the board and its port are gone at once; again does nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what was to be written has no reader any more
                pipe.close()
        self._unplug()

    def _unplug(self) -> None:
        for descriptor in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._master = self._slave = -1

    def __enter__(self) -> RunningBoard:
        return self

    def __exit__(self, *error: object) -> None:
        self.pull()
