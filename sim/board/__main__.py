"""``python -m sim.board``: a virtual board; prints the port that the serial driver opens."""

from __future__ import annotations

import signal
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
    """Run the bitstreams' system, from UART pins to memory port, behind a pseudo-terminal.

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
        try:
            board.serve()
        except SimulationError as error:
            _note(f"board: {error}")
            raise typer.Exit(1) from None


def _note(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    typer.run(main)
