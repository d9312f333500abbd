"""What a picture of a model takes on a board's configuration: cycles simulated on its RTL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from bitstreams.boards import Board, OnChip, Sdram
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


def model_cycles(
    board: Board, fmax_mhz: float, report: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Name, memory, batch, cycles a picture and frames a second of every model of a board.

    A picture at a time, and as many at a time as the cycle model finds fastest.

    The SDRAM controller is simulated too, at its own clock, less the two cycles of the pads'
    registers that a read takes longer; memory on the chip by its timing.  Frames a second are those
    of the accelerator at `fmax_mhz`, and of the SDRAM so many times as fast; program, weights and
    picture are in memory; the host's link is not in them.  A model that the configuration or the
    memory cannot hold has the reason instead.
    """
    memory, label = _memory(board)
    rows = []
    for name in board.models:
        row: dict[str, Any] = {"name": name, "memory": label, "batch": 1}
        packed = load_model(name, SEED, report)
        try:
            program = network_program(packed, board.configuration)
        except ScheduleError as error:
            rows.append(row | {"refused": str(error)})
            continue
        if isinstance(board.memory, OnChip) and len(program.memory) > board.memory.beats:
            why = f"needs {len(program.memory)} of {board.memory.beats} beats of memory"
            rows.append(row | {"refused": why})
            continue
        for faster in (program, *_batched(packed, board, program)):
            report(f"simulate {name}, {faster.batch} at a time, on {board.configuration.name}")
            images = [load_image(packed, None, SEED + n, report) for n in range(faster.batch)]
            run = run_network(faster, np.stack(images), memory, report)
            cycles = round(run.cycles / faster.batch)
            per_second = round(fmax_mhz * 1e6 * faster.batch / run.cycles, 2)
            row |= {"batch": faster.batch, "cycles": cycles, "frames_per_second": per_second}
            rows.append(dict(row))
    return rows


def _batched(packed: PackedNetwork, board: Board, single: NetworkProgram) -> list[NetworkProgram]:
    """The program of the batch with the least cycles a picture, if one is below `single`'s."""
    programs = [single]
    for batch in BATCHES:
        with suppress(ScheduleError):
            programs.append(network_program(packed, board.configuration, batch))
    if isinstance(board.memory, OnChip):
        programs = [one for one in programs if len(one.memory) <= board.memory.beats]
    best = min(programs, key=lambda one: _predicted(one, board) / one.batch)
    return [best] if best.batch > 1 else []


def _predicted(program: NetworkProgram, board: Board) -> int:
    """Cycles of a run, by the cycle model."""
    memory = "on-chip" if isinstance(board.memory, OnChip) else "sdr-sdram"
    if isinstance(board.memory, Sdram) and board.memory.ratio > 1:
        memory += f"-{board.memory.ratio}x"
    return predict(program.words, program.configuration, memory, program.start).cycles


def _memory(board: Board) -> tuple[native.Sdram | MemoryTiming, str]:
    """What stands for a board's memory in simulation, and what it is called."""
    if isinstance(board.memory, OnChip):
        return memory_timing("on-chip"), "block RAM"
    return native.Sdram(SdramTiming(board.memory.chip, board.memory_hz), board.memory.ratio), (
        f"SDRAM controller with the times of {board.memory_hz / 1e6:g} MHz, "
        f"{board.memory.ratio} times the accelerator's clock"
    )
