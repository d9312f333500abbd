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
        for memory in _memories(board):
            row: dict[str, Any] = {"name": name, "memory": memory.label, "batch": 1}
            try:
                program = network_program(packed, board.configuration)
            except ScheduleError as error:
                rows.append(row | {"refused": str(error)})
                break
            if isinstance(board.memory, OnChip) and len(program.memory) > board.memory.beats:
                why = f"needs {len(program.memory)} of {board.memory.beats} beats of memory"
                rows.append(row | {"refused": why})
                break
            for faster in (program, *_batched(packed, board, program, memory.preset)):
                report(f"simulate {name}, {faster.batch} at a time, {memory.label}")
                images = [load_image(packed, None, SEED + n, report) for n in range(faster.batch)]
                run = run_network(faster, np.stack(images), memory.simulated, report)
                cycles = round(run.cycles / faster.batch)
                per_second = round(fmax_mhz * 1e6 * faster.batch / run.cycles, 2)
                row |= {"batch": faster.batch, "cycles": cycles, "frames_per_second": per_second}
                rows.append(dict(row))
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


def _batched(
    packed: PackedNetwork, board: Board, single: NetworkProgram, preset: str
) -> list[NetworkProgram]:
    """The program of the batch with the least cycles a picture, if one is below `single`'s."""
    programs = [single]
    for batch in BATCHES:
        with suppress(ScheduleError):
            programs.append(network_program(packed, board.configuration, batch))
    if isinstance(board.memory, OnChip):
        programs = [one for one in programs if len(one.memory) <= board.memory.beats]
    best = min(
        programs,
        key=lambda one: predict(one.words, one.configuration, preset, one.start).cycles / one.batch,
    )
    return [best] if best.batch > 1 else []
