"""``python -m sw.compiler``: compiles a checkpoint, or shows any stage of it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hw.spec import find_configuration
from hw.spec.configuration import DEFAULT_CONFIGURATION
from hw.spec.image import SUFFIX
from sw.bad_input import bad_input
from sw.compiler import build, show
from sw.compiler.errors import CompileError
from sw.compiler.pack import read_packed
from sw.compiler.packed import PackedNetwork, block_name
from sw.compiler.schedule import ScheduleError, schedule_block
from sw.compiler.schedule.image import block_image
from sw.files import check_output

if TYPE_CHECKING:
    from sw.compiler.load import FloatNetwork


class Stage(StrEnum):
    """What to print."""

    LOAD = "load"
    FOLD = "fold"
    QUANTISE = "quantise"
    PACK = "pack"
    SCHEDULE = "schedule"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint, or packed image to show")],
    heads: Annotated[str | None, typer.Option(help="heads a stage, for example 1,2,4,8")] = None,
    reduction: Annotated[str | None, typer.Option(help="r a stage, for example 8,4,1,1")] = None,
    depths: Annotated[
        str | None, typer.Option(help="blocks a stage, where neighbouring stages have equal shapes")
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            help="pictures that set the scales: a data folder (its training pictures and its class "
            "names), a folder of pictures, or .npy (uint8); noise without it"
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="packed image to write")] = None,
    print_stage: Annotated[Stage | None, typer.Option("--show", help="stage to print")] = None,
    stage: Annotated[int, typer.Option(help="--show schedule: stage of the block, from 1")] = 1,
    block: Annotated[int, typer.Option(help="--show schedule: block of the stage, from 0")] = 0,
    config: Annotated[
        str, typer.Option(help="--show schedule: accelerator configuration")
    ] = DEFAULT_CONFIGURATION,
) -> None:
    """Compile a checkpoint to a packed image, or print a stage of it."""
    console = Console()

    def schedule(packed: PackedNetwork) -> None:
        _show_schedule(console, packed, stage, block, config)

    try:
        if print_stage is Stage.SCHEDULE:
            find_configuration(config)
        if checkpoint.suffix == SUFFIX:
            _show_image(console, checkpoint, print_stage, schedule)
        else:
            build.check_checkpoint(checkpoint)
            path = output or checkpoint.with_suffix(SUFFIX)
            if print_stage in (None, Stage.PACK):
                check_output("--output", path)
            network = build.load_network(checkpoint, heads, reduction, depths, _note)
            _compile(console, network, calibration, path, print_stage, schedule)
    except bad_input() as error:
        typer.echo(f"compiler: {error}", err=True)
        raise typer.Exit(2) from None


def _show_image(
    console: Console, path: Path, stage: Stage | None, schedule: Callable[[PackedNetwork], None]
) -> None:
    """Prints a packed image."""
    if stage not in (None, Stage.PACK, Stage.SCHEDULE):
        raise CompileError(
            f"--show {stage}: {path} is packed already; choose pack or schedule, "
            "or give the checkpoint"
        )
    packed = read_packed(path)
    if stage is Stage.SCHEDULE:
        schedule(packed)
    else:
        show.show_packed(packed, console)


def _compile(
    console: Console,
    network: FloatNetwork,
    calibration: Path | None,
    path: Path,
    stage: Stage | None,
    schedule: Callable[[PackedNetwork], None],
) -> None:
    """Runs the compiler's stages up to the one to print; to the packed image without one."""
    from sw.compiler.fold import fold

    if stage is Stage.LOAD:
        show.show_load(network, console)
        return
    folded = fold(network)
    if stage is Stage.FOLD:
        show.show_fold(folded, console)
        return
    quantised, images = build.quantise_network(folded, calibration, _note)
    if stage is Stage.QUANTISE:
        show.show_quantise(quantised, console)
        return
    if stage is Stage.SCHEDULE:
        schedule(quantised.packed)
        return
    packed = build.write(quantised, images, path)
    if stage is Stage.PACK:
        show.show_packed(packed, console)
    typer.echo(f"wrote {path} ({path.stat().st_size / 1024:.0f} KiB)")


def _note(line: str) -> None:
    typer.echo(f"compiler: {line}", err=True)


def _show_schedule(
    console: Console, packed: PackedNetwork, stage: int, block: int, config: str
) -> None:
    """Schedules one block and prints its commands."""
    try:
        image = block_image(packed, stage, block)
    except KeyError as error:
        raise CompileError(error.args[0]) from None
    name = block_name(stage, block)
    try:
        program = schedule_block(image, find_configuration(config))
    except ScheduleError as error:
        raise ScheduleError(f"{name} on {config}: {error}") from None
    show.show_schedule(name, program, console)


if __name__ == "__main__":
    app()
