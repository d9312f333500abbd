"""A running native simulator: memory, registers, clock cycles, logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.spec.commands import Engine
from hw.spec.configuration import Configuration
from hw.spec.registers import REGISTERS
from sim.block.taps import Beats, tap_fields, unpack
from sim.errors import SimulationError
from sim.memory_file import read_trace
from sim.native.child import Child, Operation, Status
from sim.native.memory import Sdram, external_memory
from sim.native.sdram import build_sdram
from sim.native.top import build_native, taps
from sw.cycles.memory import MemoryTiming

MEMORY_BEATS = 1 << 24
"""Beats of a memory that is timing alone, 256 MiB; pages that nothing touches cost nothing."""
SLICE_MILLISECONDS = 200
"""Wall-clock time after which a running child answers: an interrupt waits no longer."""
REPLY_TIMEOUT_S = 60.0
SAMPLED = tuple(name for name in REGISTERS if name.endswith(("cycles", "_beats", "_busy")))
"""The counters that samples hold, in the order of their addresses."""
COMPLETION = np.dtype([("cycle", "=u4"), ("engine", "=u2"), ("tag", "=u2")])


@dataclass(frozen=True)
class RunState:
    """How a run ended: `done`, or after `cycles` more cycles it was not."""

    done: bool
    cycles: int


class NativeSimulator:
    """The accelerator of a configuration with its external memory, in a process of its own.

    Nothing is executed in Python while the clock runs.  Every method may raise
    :class:`sim.errors.SimulationError`; after that the process is gone, :meth:`restart` starts
    another one with empty memory.

    Parameters
    ----------
    configuration : Configuration
        Built when it is not in the cache: minutes for a large one.
    memory : str, MemoryTiming or Sdram
        A key of :data:`sim.native.memory.PRESETS`, a timing of your own, or the clocks and chip at
        which the RTL of the SDRAM controller is simulated.
    trace : Path
        Folder for the traces of every tap, written over by each :meth:`start`; none by default.
        Read them with :meth:`traces`.
    reply_timeout_s : float
        Wall-clock seconds in which the process must answer.
    report : callable
        Called with one line of progress a step of the build.

    Raises
    ------
    MemoryTimingError
        Unknown preset.
    SimulatorBuildError
        A tool is missing, or something does not compile.
    """

    def __init__(
        self,
        configuration: Configuration,
        memory: str | MemoryTiming | Sdram = "ideal",
        *,
        trace: Path | None = None,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        timing = external_memory(memory)
        self.configuration = configuration
        self._trace = None if trace is None else Path(trace).resolve()
        self.program = build_native(configuration, report=report)
        if isinstance(timing, Sdram):
            library = build_sdram(timing, report=report)
            self.beats, arguments = timing.timing.chip.beats, [str(library)]
        else:
            self.beats, arguments = MEMORY_BEATS, timing.arguments()
        self._command = [str(self.program.executable), str(self.beats), *arguments]
        self._reply_timeout_s = reply_timeout_s
        self._child = Child(self._command, reply_timeout_s)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._child.alive

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._child.pid

    def restart(self) -> None:
        """Ends the process and starts another one: registers and memory are zero."""
        self._child.kill()
        self._child = Child(self._command, self._reply_timeout_s)

    def close(self) -> None:
        """Ends the process; again does nothing."""
        self._child.close()

    def write(self, beat: int, beats: np.ndarray) -> None:
        """Writes uint64 (n, 2), the low word first, to external memory from address `beat` on."""
        data = np.ascontiguousarray(beats, dtype=np.uint64)
        if data.ndim != 2 or data.shape[1] != 2:
            raise SimulationError(f"simulator: beats of shape {data.shape}; give uint64 (n, 2)")
        self._check_range(beat, len(data))
        self._ok(Operation.WRITE_MEMORY, len(data), beat, data.tobytes())

    def read(self, beat: int, n: int) -> np.ndarray:
        """External memory from address `beat` on, uint64 (n, 2)."""
        self._check_range(beat, n)
        _, data = self._ok(Operation.READ_MEMORY, n, beat)
        if len(data) != 16 * n:
            self._child.kill()
            raise SimulationError(f"simulator: {len(data)} bytes for {n} beats of memory")
        return np.frombuffer(data, np.uint64).reshape(n, 2).copy()

    def start(self, program_beat: int) -> None:
        """Starts a program; the logs begin again."""
        self._check_range(program_beat, 1)
        if self._trace is not None:
            self._trace.mkdir(parents=True, exist_ok=True)
            folder = str(self._trace).encode()
            self._ok(Operation.TRACE, len(folder), payload=folder)
        self._ok(Operation.WRITE_REGISTER, program_beat, REGISTERS["program"].address)

    def run(self, cycles: int) -> RunState:
        """Runs until done, or for so many cycles."""
        ran = 0
        while True:
            status, value, text = self._child.ask(Operation.RUN, SLICE_MILLISECONDS, cycles - ran)
            if status is Status.FAULT:
                raise SimulationError(f"simulator: {text.decode()}")
            ran += value
            if status is Status.OK or ran >= cycles:
                return RunState(status is Status.OK, ran)

    def register(self, name: str) -> int:
        """A register of :data:`hw.spec.registers.REGISTERS`; reading takes a clock cycle."""
        return self._ok(Operation.READ_REGISTER, 0, REGISTERS[name].address)[0]

    def reset(self) -> None:
        """Resets the accelerator at once, running or not; external memory keeps its contents."""
        self._ok(Operation.RESET)

    def completions(self) -> list[tuple[int, Engine, int]]:
        """(cycle since start, engine, tag) of every command completed since the last start."""
        _, data = self._ok(Operation.COMPLETIONS)
        return [(c, Engine(e), t) for c, e, t in np.frombuffer(data, COMPLETION).tolist()]

    def traces(self) -> dict[str, Beats]:
        """What every tap of the accelerator showed since the last start; ends the trace."""
        fields = tap_fields(self.configuration)
        return {name: unpack(*self.raw_trace(name), fields[name]) for name in fields}

    def raw_trace(self, tap: str) -> tuple[np.ndarray, np.ndarray]:
        """Cycles and packed beats (uint8, low byte first) of one tap; ends the trace."""
        if self._trace is None:
            raise SimulationError("simulator: no trace was written; give it a folder as `trace`")
        self._ok(Operation.TRACE)
        return read_trace(self._trace / f"{tap}.hex", taps(self.configuration)[tap])

    def sample_every(self, interval: int) -> None:
        """From the next start on, reads the counters every `interval` cycles; 0: never.

        They are read through the host bus, a register a cycle, which holds nothing up: a sample's
        last counter is some cycles younger than its first.
        """
        first = REGISTERS[SAMPLED[0]].address
        self._ok(Operation.SAMPLE, interval, first | len(SAMPLED) << 32)

    def samples(self) -> np.ndarray:
        """Counters of every sample since the last start, int64 (samples, len(SAMPLED))."""
        _, data = self._ok(Operation.SAMPLES)
        return np.frombuffer(data, "=u4").astype(np.int64).reshape(-1, len(SAMPLED))

    def _ok(
        self, operation: Operation, argument: int = 0, address: int = 0, payload: bytes = b""
    ) -> tuple[int, bytes]:
        status, value, data = self._child.ask(operation, argument, address, payload)
        if status is not Status.OK:
            self._child.kill()
            raise SimulationError(
                f"simulator: {operation.name} refused: {data.decode(errors='replace')}"
            )
        return value, data

    def _check_range(self, beat: int, n: int) -> None:
        if beat < 0 or n < 0 or beat + n > self.beats:
            raise SimulationError(
                f"simulator: beats {beat} to {beat + n - 1} are outside memory, "
                f"which has {self.beats}"
            )
