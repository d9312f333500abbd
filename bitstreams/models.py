"""What a picture of a model takes on a board's configuration: cycles simulated on its RTL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitstreams.boards import Board, OnChip
from hw.memory.sdram import SdramTiming
from sim.native import memory as native
from sim.network.run import run_network
from sw.compiler.schedule import ScheduleError, network_program
from sw.cycles.memory import MemoryTiming, memory_timing
from sw.files import load_image, load_model

SEED = 0


def model_cycles(
    board: Board, fmax_mhz: float, report: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Name, memory, cycles and frames a second of every model of a board.

    The SDRAM controller is simulated too, at its own clock, less the two cycles of the pads'
    registers that a read takes longer; memory on the chip by its timing.  Frames a second are those
    of the accelerator at `fmax_mhz`, and of the SDRAM so many times as fast; program, weights and
    picture are in memory; the host's link is not in them.  A model that the configuration or the
    memory cannot hold has the reason instead.
    """
    memory, label = _memory(board)
    rows = []
    for name in board.models:
        report(f"simulate {name} on {board.configuration.name}")
        row: dict[str, Any] = {"name": name, "memory": label}
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
        run = run_network(program, load_image(packed, None, SEED, report), memory, report)
        per_second = fmax_mhz * 1e6 / run.cycles
        rows.append(row | {"cycles": run.cycles, "frames_per_second": round(per_second, 2)})
    return rows


def _memory(board: Board) -> tuple[native.Sdram | MemoryTiming, str]:
    """What stands for a board's memory in simulation, and what it is called."""
    if isinstance(board.memory, OnChip):
        return memory_timing("on-chip"), "block RAM"
    return native.Sdram(SdramTiming(board.memory.chip, board.memory_hz), board.memory.ratio), (
        f"SDRAM controller with the times of {board.memory_hz / 1e6:g} MHz, "
        f"{board.memory.ratio} times the accelerator's clock"
    )
