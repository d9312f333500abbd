"""The simulated device: the accelerator's gateware in Verilator, at thousands of cycles a second.

The one module of :mod:`sw` that knows :mod:`sim`: an accelerator that is built, not connected to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hw.spec.commands import Engine
from hw.spec.configuration import Configuration
from hw.spec.registers import REGISTERS
from sim.native import (
    REPLY_TIMEOUT_S,
    MemoryTiming,
    MemoryTimingError,
    NativeSimulator,
    SimulationError,
    SimulatorBuildError,
)
from sim.network import network_tensors
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule import NetworkProgram
from sw.driver.errors import DeviceTimeout, DriverError
from sw.driver.transport import Identity, first_unequal
from sw.files import InputError


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """What the simulator raises as a :class:`DriverError` of one line."""
    try:
        yield
    except (SimulationError, SimulatorBuildError, OSError) as error:
        first, *more = [line.strip() for line in str(error).splitlines()] or [repr(error)]
        raise DriverError(f"sim: {first}" + (f" {more[0]}" if more else "")) from None


class SimTransport:
    """A :class:`~sw.driver.transport.Transport` to a simulator in a process of its own.

    The simulator of a configuration is built once (minutes for a large one) and kept.  A process
    that died, or was interrupted, is replaced by :meth:`reset`; its memory is lost.

    Parameters
    ----------
    configuration : Configuration
        Any; need not be among the named ones.
    memory : str or MemoryTiming
        External memory: ``ideal`` (128 bits a cycle, 16 cycles), ``sdr-sdram``, ``ddr3``, a timing
        of your own, or ``sdram-controller``, in RTL; those of an SDRAM also as ``-2x``, at twice
        the clock; see :mod:`sim.native.memory`.
    trace : str or Path
        Folder for every value that the units show, anew with each start; none by default, for it
        slows the run down and takes megabytes.
    reply_timeout_s : float
        Wall-clock seconds after which a silent process is given up.
    report : callable
        Called with one line of progress a step of the build.

    Raises
    ------
    InputError
        Unknown memory.
    DriverError
        The simulator cannot be built or started.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        memory: str | MemoryTiming = "ideal",
        trace: str | Path | None = None,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        try:
            with _one_line():
                self.simulator = NativeSimulator(
                    configuration,
                    memory,
                    trace=None if trace is None else Path(trace),
                    reply_timeout_s=reply_timeout_s,
                    report=report,
                )
        except MemoryTimingError as error:
            raise InputError(str(error)) from None

    def identity(self) -> Identity:
        """The identifying registers, and the SHA-256 of the simulated Verilog."""
        names = ("contract", "configuration", "geometry", "identity")
        with _one_line():
            read = {name: self.simulator.register(name) for name in names}
        return Identity(**read, rtl=self.simulator.program.rtl)

    def write(self, beat: int, beats: np.ndarray) -> None:
        """Writes uint64 (n, 2) to external memory from address `beat` on."""
        with _one_line():
            self.simulator.write(beat, beats)

    def read(self, beat: int, n: int) -> np.ndarray:
        """External memory from address `beat` on, uint64 (n, 2)."""
        with _one_line():
            return self.simulator.read(beat, n)

    def first_difference(self, beat: int, beats: np.ndarray) -> int | None:
        """Index of the first of `beats` that external memory does not hold: it is read back."""
        return first_unequal(self.read(beat, len(beats)), beats)

    def start(self, program_beat: int) -> None:
        """Starts the program at that address; the clock stands still until :meth:`wait`."""
        with _one_line():
            self.simulator.start(program_beat)

    def wait(self, timeout_cycles: int) -> None:
        """Returns when the program is done; DeviceTimeout after `timeout_cycles` cycles."""
        with _one_line():
            done = self.simulator.run(timeout_cycles).done
        if not done:
            raise DeviceTimeout(
                f"sim: not done after {timeout_cycles} cycles; the program waits for something "
                "that never comes, or the limit is too low. Reset the device"
            )

    def registers(self) -> dict[str, int]:
        """Every register by name; counters since start."""
        with _one_line():
            return {name: self.simulator.register(name) for name in REGISTERS}

    def completions(self) -> list[tuple[int, Engine, int]]:
        """(cycle, engine, tag) of every command completed since start, in order of time."""
        with _one_line():
            return self.simulator.completions()

    def tensors(
        self, program: NetworkProgram, packed: PackedNetwork
    ) -> dict[str, np.ma.MaskedArray]:
        """Every named tensor that the units showed; DriverError without a `trace` folder."""
        with _one_line():
            return network_tensors(program, packed, self.simulator)

    def reset(self) -> None:
        """Stops any program; a dead process is started again, with empty memory."""
        with _one_line():
            if self.simulator.alive:
                with contextlib.suppress(SimulationError):
                    return self.simulator.reset()
            self.simulator.restart()

    def close(self) -> None:
        """Ends the process; again does nothing."""
        self.simulator.close()
