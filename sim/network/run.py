"""Runs a picture, or a batch of them, through a network's program in the native simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hw.spec.commands import Engine
from hw.spec.registers import REGISTERS
from sim.errors import SimulationError
from sim.native import MemoryTiming, NativeSimulator
from sim.native.simulator import SAMPLED
from sw.compiler.schedule import NetworkProgram

SAMPLES = 2000
"""Samples that a run keeps at most."""
LEAST_INTERVAL = 32
"""Cycles between samples at least: reading all counters takes nine."""
TIMEOUT_FACTOR, TIMEOUT_CYCLES = 100, 200_000


@dataclass(frozen=True)
class NetworkRun:
    """What a run of the program showed.

    Attributes
    ----------
    registers : dict of int
        Counters after the run.
    completions : list of (cycle, Engine, tag)
        In order of time.
    samples : int64 array (samples, len(SAMPLED))
        Counters over time, the last row after the end.
    logits : int64 array (batch, classes)
    rtl : str
        SHA-256 of the simulated Verilog.
    """

    registers: dict[str, int]
    completions: list[tuple[int, Engine, int]]
    samples: np.ndarray
    logits: np.ndarray
    rtl: str

    @property
    def cycles(self) -> int:
        """The hardware counter from start to done."""
        return self.registers["cycles"]


def run_network(
    program: NetworkProgram,
    images: np.ndarray,
    memory: str | MemoryTiming = "ideal",
    report: Callable[[str], None] = lambda _: None,
) -> NetworkRun:
    """Runs pictures, uint8 (batch, image, image, 3), and samples the counters on the way.

    Raises
    ------
    SimulationError, SimulatorBuildError, MemoryTimingError
        The run does not end, the simulator cannot be built, or the memory is unknown.
    """
    simulator = NativeSimulator(program.configuration, memory, report=report)
    try:
        least = sum(program.bound(operation) for operation in program.operations)
        simulator.sample_every(max(LEAST_INTERVAL, least // (SAMPLES // 2)))
        simulator.write(0, program.memory)
        simulator.write(program.picture_address, program.pictures(images))
        simulator.start(program.start)
        report(f"simulate {len(program.operations):,} commands")
        limit = TIMEOUT_FACTOR * least + TIMEOUT_CYCLES
        if not simulator.run(limit).done:
            raise SimulationError(f"simulator: not done after {limit:,} cycles; the program hangs")
        registers = {name: simulator.register(name) for name in REGISTERS}
        return NetworkRun(
            registers,
            simulator.completions(),
            _thinned(simulator.samples(), [registers[name] for name in SAMPLED]),
            program.batch_logits(
                simulator.read(program.result_address, program.batch * program.result_beats)
            ),
            simulator.program.rtl,
        )
    finally:
        simulator.close()


def _thinned(samples: np.ndarray, last: list[int]) -> np.ndarray:
    """At most SAMPLES of them: counters only rise, so that one in so many loses nothing."""
    step = -(-(len(samples) + 1) // SAMPLES)
    return np.concatenate([samples[::step][: SAMPLES - 1], [last]])
