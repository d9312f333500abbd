"""``python -m sim.report``: cycles, bytes and idle time of a whole network on the simulated RTL,
beside what the cycle model predicts.

Exit status: 0 when the logits are golden's, 1 when they are not or the simulation fails, 2 on bad
input.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from hw.spec import find_configuration
from hw.spec.configuration import DEFAULT_CONFIGURATION
from sim.errors import SimulationError, SimulatorBuildError
from sim.native import PRESETS
from sim.native.memory import CONTROLLERS
from sim.network.run import run_network
from sim.report.commands import rows
from sim.report.picture import draw
from sim.report.tables import as_json, print_network, print_rows
from sw.atomic import write_json
from sw.bad_input import bad_input
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule import network_program
from sw.cycles.model import predict
from sw.figures import check_figure
from sw.files import (
    DEFAULT_MODEL,
    RANDOM_MODELS,
    InputError,
    check_output,
    check_seed,
    load_image,
    load_model,
)

WIDTH = 160
"""Columns of the tables where there is no terminal."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _note(line: str) -> None:
    typer.echo(f"  {line}", err=True)


@app.command()
def main(
    model: Annotated[
        str, typer.Option(help=f"packed file, shipped model, or {', '.join(RANDOM_MODELS)}")
    ] = DEFAULT_MODEL,
    config: Annotated[str, typer.Option(help="accelerator configuration")] = DEFAULT_CONFIGURATION,
    memory: Annotated[str, typer.Option(help=f"one of {', '.join(PRESETS)}")] = "ideal",
    image: Annotated[
        Path | None, typer.Option(help="picture; default a shipped or a random one")
    ] = None,
    batch: Annotated[int, typer.Option(help="pictures that the program takes at a time")] = 1,
    seed: Annotated[int, typer.Option(help="of random models and pictures")] = 0,
    commands: Annotated[bool, typer.Option("--commands", help="a row for each command")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="write a report")] = None,
    picture: Annotated[Path | None, typer.Option(help="write a time line of the units")] = None,
) -> None:
    """Report what one picture, or a batch, costs, layer by layer."""
    try:
        configuration = find_configuration(config)
        if memory not in PRESETS:
            raise InputError(f"--memory {memory!r}: choose one of {', '.join(PRESETS)}")
        if json_path is not None:
            check_output("--json", json_path)
        if picture is not None:
            check_figure("--picture", picture)
        check_seed(seed)
        packed = load_model(model, seed, _note)
        program = network_program(packed, configuration, batch)
        images = np.stack(
            [load_image(packed, None if n else image, seed + n, _note) for n in range(batch)]
        )
        run = run_network(program, images, memory, _note)
    except (*bad_input(), SimulatorBuildError) as error:
        typer.echo(f"report: {error}", err=True)
        raise typer.Exit(2) from None
    except SimulationError as error:
        typer.echo(f"report: {error}", err=True)
        raise typer.Exit(1) from None
    title = f"{model} on {configuration.name}, memory {memory}: {run.cycles:,} cycles "
    title += "a picture" if batch == 1 else f"for {batch} pictures, {run.cycles // batch:,} each"
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    timing = CONTROLLERS.get(memory, memory)
    prediction = predict(program.words, configuration, timing, program.start)
    layers = rows(program, run, prediction)
    each = rows(program, run, prediction, each=True)
    console.print(title, highlight=False, markup=False, soft_wrap=True)
    print_rows(console, configuration, each if commands else layers)
    print_network(console, program, run, prediction, layers, each)
    try:
        if json_path is not None:
            facts = {"model": model, "memory": memory, "batch": batch}
            facts |= as_json(program, run, prediction, layers, each, commands)
            write_json(json_path, facts)
        if picture is not None:
            draw(picture, title, program, run)
    except bad_input() as error:
        typer.echo(f"report: {error}", err=True)
        raise typer.Exit(2) from None
    if not np.array_equal(run.logits, _golden(packed, images)):
        typer.echo("report: the logits are not golden's; find out why with python -m sw diff")
        raise typer.Exit(1)


def _golden(packed: PackedNetwork, images: np.ndarray) -> np.ndarray:
    import torch

    from sw.golden import run

    return run(packed, torch.from_numpy(images)).numpy()


if __name__ == "__main__":
    app()
