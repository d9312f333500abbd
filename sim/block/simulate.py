"""Runs a block's program in Verilator and reads back what every tap showed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.spec.commands import Engine
from hw.spec.registers import REGISTERS
from sim.block.taps import tap_fields, unpack
from sim.block.tensors import Observation, observe
from sim.block.top import MEMORY_BEATS, block_simulator, complete_bits, stall_mask, tap_bits
from sim.build import Simulator
from sim.memory_file import read_memory, read_trace, write_memory
from sim.run import run_testbench
from sw.compiler.schedule import Program, ScheduleError
from sw.compiler.schedule.image import BlockImage


@dataclass(frozen=True)
class BlockRun:
    """What one simulated block showed.

    Attributes
    ----------
    registers : dict of int
        Counters after the run.
    observation : Observation
        Every named tensor that the taps showed; x2 as external memory holds it, where the
        schedule stores it.
    completions : list of (cycle, Engine, tag)
        In order of time.
    simulator : Simulator
    seconds : float
        Wall time of the simulation.
    """

    registers: dict[str, int]
    observation: Observation
    completions: list[tuple[int, Engine, int]]
    simulator: Simulator
    seconds: float

    @property
    def cycles(self) -> int:
        """The hardware counter from start to done."""
        return self.registers["cycles"]


def simulate(
    program: Program,
    block: BlockImage,
    x: np.ndarray,
    *,
    stall: str = "none",
    seed: int = 0,
    waves: Path | None = None,
    simulator: Simulator | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> BlockRun:
    """Simulates one block.

    Parameters
    ----------
    x : integer array (tokens, channels)
        The block's input.
    stall : str
        A key of :data:`sim.block.top.STALLS`.

    simulator : Simulator
        Of that configuration; by default the RTL's, built when it is not in the cache.

    Raises
    ------
    SimulationError
        If the accelerator does not finish.
    """
    if len(program.memory) > MEMORY_BEATS:
        raise ScheduleError(
            f"external memory: {len(program.memory)} beats needed, "
            f"{MEMORY_BEATS} simulated; raise sim.block.top.MEMORY_BEATS"
        )
    configuration = program.configuration
    if simulator is None:
        simulator = block_simulator(configuration, waves=waves is not None, report=report)
    with tempfile.TemporaryDirectory(prefix="bvit-block-") as folder:
        work = Path(folder)
        memory = program.memory.copy()
        x_beats = np.ascontiguousarray(x.astype(np.int16)).view(np.uint64).reshape(-1, 2)
        memory[program.x_address : program.x_address + len(x_beats)] = x_beats
        write_memory(work / "memory.hex", memory.view(np.uint8).reshape(len(memory), 16))
        programs = ([program.preload_start] if program.preload else []) + [program.start]
        bound = sum(program.bound(o) for o in program.operations)
        limit = 100 * bound + 200_000
        plusargs = [
            f"+memory={work / 'memory.hex'}",
            f"+trace_dir={work}",
            f"+stall_mask={stall_mask(stall):x}",
            f"+stall_seed={seed + 1}",
        ]
        if program.result_address is not None:
            plusargs += [
                f"+dump={work / 'dump.hex'}",
                f"+dump_beats={program.result_address + len(x_beats)}",
            ]
        report(f"simulate {len(program.operations)} commands")
        run = run_testbench(
            simulator,
            "sim.testbenches.block",
            plusargs=plusargs,
            seed=seed,
            waves=waves,
            timeout_s=3600,
            parameters={
                "programs": programs,
                "timeout_cycles": limit,
                "registers": {name: r.address for name, r in REGISTERS.items()},
            },
        )
        report(f"simulated {run.values['registers']['cycles']} cycles in {run.seconds:.1f} s")
        taps = {}
        for name, bits in tap_bits(configuration).items():
            cycles, data = read_trace(work / f"{name}.hex", bits)
            taps[name] = unpack(cycles, data, tap_fields(configuration)[name])
        completions = _completions(work / "complete.hex", bool(program.preload))
        result = None
        if program.result_address is not None:
            data = read_memory(work / "dump.hex", 128)[program.result_address :]
            result = data[: len(x_beats)].reshape(-1).view(np.int16).reshape(x.shape)
    observation = observe(program, block, taps)
    if result is not None:
        # The stored words stand for the tap's: they have come the whole way.
        observation.put("x2", result.shape, (slice(None), slice(None)), result)
    return BlockRun(run.values["registers"], observation, completions, simulator, run.seconds)


def _completions(path: Path, preloaded: bool) -> list[tuple[int, Engine, int]]:
    """Completion events, those of the preload program left out."""
    cycles, data = read_trace(path, complete_bits())
    events = []
    for cycle, row in zip(cycles, data, strict=True):
        word = int.from_bytes(row.tobytes(), "little")
        events += [
            (int(cycle), engine, word >> (len(Engine) + 12 * engine) & 0xFFF)
            for engine in Engine
            if word >> engine & 1
        ]
    return events[1:] if preloaded else events
