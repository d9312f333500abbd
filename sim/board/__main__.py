"""``python -m sim.board``: a virtual board; prints the port that the serial driver opens."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import Annotated

import typer

from hw.spec.configuration import CONFIGURATIONS, DEFAULT_CONFIGURATION, ConfigurationError
from sim.board import VirtualBoard
from sim.errors import SimulationError, SimulatorBuildError
from sw.cycles.memory import PRESETS, MemoryTimingError


def main(
    config: Annotated[
        str, typer.Option(help=f"accelerator configuration: {', '.join(CONFIGURATIONS)}")
    ] = DEFAULT_CONFIGURATION,
    memory: Annotated[str, typer.Option(help=f"external memory: {', '.join(PRESETS)}")] = "ideal",
    every_cycle: Annotated[
        bool, typer.Option(help="clock the accelerator at rest, too (slow)")
    ] = False,
) -> None:
    """Run the bitstream's gateware, from UART pins to memory port, behind a pseudo-terminal.

    Runs until it is interrupted. Exit status: 0, 1 if the simulator fails, 2 for bad input.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        board = VirtualBoard(
            config, memory, every_cycle=every_cycle, report=lambda line: _note(f"  {line}")
        )
    except (ConfigurationError, MemoryTimingError, OSError) as error:
        _note(f"board: {error}")
        raise typer.Exit(2) from None
    except SimulatorBuildError as error:
        _note(f"board: {error}")
        raise typer.Exit(1) from None
    with board:
        typer.echo(f"serial:{board.port}")
        _note(f"  python -m sw classify PICTURE --backend serial:{board.port}")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            board.wait()
        try:
            done = board.close()
        except SimulationError as error:
            _note(f"board: {error}")
            raise typer.Exit(1) from None
        _note(
            f"  {done.cycles:,} cycles, the accelerator's clock ran in {done.core_cycles:,}; "
            f"{done.received:,} bytes received, {done.sent:,} sent"
        )


def _note(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    typer.run(main)
