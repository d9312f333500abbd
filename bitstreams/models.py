"""What a picture of a model takes on a board's configuration: cycles simulated on its RTL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitstreams.boards import Board
from hw.memory.sdram import SdramTiming
from sim.native.memory import Sdram
from sim.network.run import run_network
from sw.compiler.schedule import ScheduleError, network_program
from sw.files import load_image, load_model

SEED = 0


def model_cycles(
    board: Board, fmax_mhz: float, report: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Name, memory, cycles and frames a second of every model of a board.

    The SDRAM controller is simulated too, at its own clock, less the two cycles of the pads'
    registers that a read takes longer.  Frames a second are those of the accelerator at `fmax_mhz`,
    and of the SDRAM so many times as fast; program, weights and picture are in it; the host's link
    is not in them.  A model that the configuration cannot hold has the scheduler's reason instead.
    """
    memory = Sdram(SdramTiming(board.memory, board.memory_hz), board.memory_ratio)
    rows = []
    for name in board.models:
        report(f"simulate {name} on {board.configuration.name}")
        label = (
            f"SDRAM controller with the times of {board.memory_hz / 1e6:g} MHz, "
            f"{board.memory_ratio} times the accelerator's clock"
        )
        row: dict[str, Any] = {"name": name, "memory": label}
        packed = load_model(name, SEED, report)
        try:
            program = network_program(packed, board.configuration)
        except ScheduleError as error:
            rows.append(row | {"refused": str(error)})
            continue
        run = run_network(program, load_image(packed, None, SEED, report), memory, report)
        per_second = fmax_mhz * 1e6 / run.cycles
        rows.append(row | {"cycles": run.cycles, "frames_per_second": round(per_second, 2)})
    return rows
