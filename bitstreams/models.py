"""What a picture of a model takes on a board's configuration: cycles simulated on its RTL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitstreams.boards import Board, OnChip
from hw.memory.sdram import SdramTiming
from sim.native import memory as native
from sim.network.run import run_network
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule import NetworkProgram, ScheduleError, network_program
from sw.cycles.memory import MemoryTiming, memory_timing
from sw.cycles.model import predict
from sw.files import load_image, load_model

SEED = 0
BATCHES = range(2, 9)
"""Pictures at a time that are tried."""
IDEAL = "ideal memory"


def model_cycles(
    board: Board, fmax_mhz: float, report: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Name, memory, batch, cycles a picture and frames a second of every model of a board.

    A picture at a time, and as many at a time as the cycle model finds fastest; on the board's
    memory, and where that is SDRAM, on an ideal one too.

    The SDRAM controller is simulated too, at its own clock, less the two cycles of the pads'
    registers that a read takes longer; other memory by its timing.  Frames a second are those of
    the accelerator at `fmax_mhz`, and of the SDRAM so many times as fast; program, weights and
    picture are in memory; the host's link is not in them.  A model that the configuration or the
    memory cannot hold has the reason instead.
    """
    rows = []
    for name in board.models:
        packed = load_model(name, SEED, report)
        try:
            single = _single(packed, board)
        except ScheduleError as error:
            memory = _memories(board)[0].label
            rows.append({"name": name, "memory": memory, "batch": 1, "refused": str(error)})
            continue
        programs = [single, *_batches(packed, board)]
        for memory in _memories(board):
            best = _fastest(programs, memory.preset)
            for program in [single] if best is single else [single, best]:
                report(f"simulate {name}, {program.batch} at a time, {memory.label}")
                images = [load_image(packed, None, SEED + n, report) for n in range(program.batch)]
                run = run_network(program, np.stack(images), memory.simulated, report)
                rows.append(
                    {
                        "name": name,
                        "memory": memory.label,
                        "batch": program.batch,
                        "cycles": round(run.cycles / program.batch),
                        "frames_per_second": round(fmax_mhz * 1e6 * program.batch / run.cycles, 2),
                    }
                )
    return rows


@dataclass(frozen=True)
class _Memory:
    """What stands for external memory: the cycle model's name of it, what simulates it, and what it
    is called.
    """

    preset: str
    simulated: native.Sdram | MemoryTiming
    label: str


def _memories(board: Board) -> list[_Memory]:
    """A board's memory, and beside SDRAM an ideal one."""
    if isinstance(board.memory, OnChip):
        return [_Memory("on-chip", memory_timing("on-chip"), "block RAM")]
    chip, ratio = SdramTiming(board.memory.chip, board.memory_hz), board.memory.ratio
    label = (
        f"SDRAM controller with the times of {board.memory_hz / 1e6:g} MHz, "
        f"{ratio} times the accelerator's clock"
    )
    preset = "sdr-sdram" if ratio == 1 else f"sdr-sdram-{ratio}x"
    return [
        _Memory(preset, native.Sdram(chip, ratio), label),
        _Memory("ideal", memory_timing("ideal"), IDEAL),
    ]


def _fits(program: NetworkProgram, board: Board) -> bool:
    """Whether memory on the chip, where a board has no other, holds a program."""
    return not isinstance(board.memory, OnChip) or len(program.memory) <= board.memory.beats


def _single(packed: PackedNetwork, board: Board) -> NetworkProgram:
    """The program of one picture.

    Raises
    ------
    ScheduleError
        For a model that the configuration or the memory cannot hold.
    """
    program = network_program(packed, board.configuration)
    if not _fits(program, board):
        raise ScheduleError(f"needs {len(program.memory)} of {board.memory.beats} beats of memory")
    return program


def _batches(packed: PackedNetwork, board: Board) -> list[NetworkProgram]:
    """The programs of all batches that the configuration and the memory can hold."""
    programs = []
    for batch in BATCHES:
        with suppress(ScheduleError):
            programs.append(network_program(packed, board.configuration, batch))
    return [program for program in programs if _fits(program, board)]


def _fastest(programs: list[NetworkProgram], preset: str) -> NetworkProgram:
    """The program with the least cycles a picture, by the cycle model."""
    return min(
        programs,
        key=lambda one: predict(one.words, one.configuration, preset, one.start).cycles / one.batch,
    )
