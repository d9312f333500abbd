"""``python -m sw.compiler``: compiles a checkpoint, or shows any stage of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hw.spec import ConfigurationError, find_configuration
from hw.spec.fields import FieldError
from hw.spec.image import SUFFIX
from sw.compiler import show
from sw.compiler.errors import CompileError, PackedImageError
from sw.compiler.fold import fold
from sw.compiler.load import FloatNetwork, load
from sw.compiler.pack import pack, read_packed
from sw.compiler.packed import PackedNetwork, block_name
from sw.compiler.pictures import calibration_pictures
from sw.compiler.quantise import quantise
from sw.compiler.schedule import ScheduleError, schedule_block
from sw.compiler.schedule.image import block_image
from sw.data import DataError
from sw.golden.saturation import with_saturation
from sw.model.errors import ModelError

BAD_INPUT = (
    CompileError,
    PackedImageError,
    ModelError,
    DataError,
    ConfigurationError,
    ScheduleError,
    FieldError,
    OSError,
)
DEFAULT_CONFIGURATION = "4x8x64-l16"
EXAMPLES = {"--heads": "--heads 1,2,4,8", "--reduction": "--reduction 8,4,1,1"}


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
            network = _load(checkpoint, heads, reduction, depths)
            _compile(
                console,
                network,
                calibration,
                output or checkpoint.with_suffix(SUFFIX),
                print_stage,
                schedule,
            )
    except BAD_INPUT as error:
        typer.echo(f"compiler: {error}", err=True)
        raise typer.Exit(2) from None


def _numbers(option: str, text: str | None) -> list[int] | None:
    try:
        return [int(part) for part in text.split(",")] if text else None
    except ValueError:
        raise CompileError(f"{option} {text!r}: no comma-separated list of whole numbers") from None


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


def _load(
    checkpoint: Path, heads: str | None, reduction: str | None, depths: str | None
) -> FloatNetwork:
    """The network of a checkpoint."""
    from sw.model import from_checkpoint
    from sw.model.checkpoint import exact_zeros

    for option, value in (("--heads", heads), ("--reduction", reduction)):
        if not value and checkpoint.is_file():
            raise CompileError(
                f"{option}: a checkpoint does not hold it; give one number a "
                "stage, for example " + EXAMPLES[option]
            )
    module = from_checkpoint(
        checkpoint,
        _numbers("--heads", heads) or [],
        _numbers("--reduction", reduction) or [],
        _numbers("--depths", depths),
    )
    for name, count in exact_zeros(module).items():
        typer.echo(
            f"compiler: {name}: {count} weights are exactly 0 where their sign is taken; "
            "they become +1",
            err=True,
        )
    return load(module)


def _compile(
    console: Console,
    network: FloatNetwork,
    calibration: Path | None,
    path: Path,
    stage: Stage | None,
    schedule: Callable[[PackedNetwork], None],
) -> None:
    """Runs the compiler's stages up to the one to print; to the packed image without one."""
    if stage in (None, Stage.PACK):
        _check_output(path)
    if stage is Stage.LOAD:
        show.show_load(network, console)
        return
    folded = fold(network)
    if stage is Stage.FOLD:
        show.show_fold(folded, console)
        return
    images, names = calibration_pictures(calibration, network.shape.image)
    if len(names) == network.shape.classes:
        folded = replace(folded, class_names=names)
    elif names:
        typer.echo(
            f"compiler: {calibration} has {len(names)} classes, the model has "
            f"{network.shape.classes}: its classes stay numbers",
            err=True,
        )
    quantised = quantise(folded, images)
    if stage is Stage.QUANTISE:
        show.show_quantise(quantised, console)
        return
    if stage is Stage.SCHEDULE:
        schedule(quantised.packed)
        return
    packed = with_saturation(quantised.packed, images)
    pack(packed, path)
    if stage is Stage.PACK:
        show.show_packed(packed, console)
    typer.echo(f"wrote {path} ({path.stat().st_size / 1024:.0f} KiB)")


def _check_output(path: Path) -> None:
    """Raises CompileError for a file that cannot be written; a long run must not end there."""
    if not path.absolute().parent.is_dir():
        raise CompileError(f"--output {path}: {path.absolute().parent} is no folder; make it first")
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise CompileError(f"--output {path}: cannot be written ({error.strerror})") from None


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
