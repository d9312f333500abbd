"""``python -m sw.compiler``: compiles a checkpoint, or shows any stage of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image, UnidentifiedImageError
from rich.console import Console

from hw.spec.image import SUFFIX
from sw.compiler import show
from sw.compiler.errors import CompileError, PackedImageError
from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.pack import pack, read_packed
from sw.compiler.quantise import quantise
from sw.golden.saturation import with_saturation
from sw.model.errors import ModelError


class Stage(StrEnum):
    """What to print."""

    LOAD = "load"
    FOLD = "fold"
    QUANTISE = "quantise"
    PACK = "pack"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def calibration_pictures(folder: Path | None, size: int, count: int = 64) -> torch.Tensor:
    """uint8 (N, size, size, 3): pictures of a folder or an ``.npy``, without either noise.

    Raises
    ------
    CompileError
        For a missing path, a folder without pictures or an array of another shape.
    """
    if folder is None:
        generator = torch.Generator().manual_seed(0)
        cells = torch.randint(0, 256, (count, 3, 8, 8), generator=generator).float()
        smooth = torch.nn.functional.interpolate(cells, (size, size), mode="bilinear")
        return smooth.permute(0, 2, 3, 1).to(torch.uint8)
    if folder.suffix == ".npy":
        try:
            array = np.load(folder, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise CompileError(f"{folder}: {error}") from None
        if array.dtype != np.uint8 or array.shape[1:] != (size, size, 3):
            raise CompileError(f"{folder}: {array.dtype} {array.shape} is not uint8 "
                               f"(N, {size}, {size}, 3)")
        return torch.from_numpy(array[:count])
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not paths:
        raise CompileError(f"{folder}: no .png or .jpg pictures to calibrate with")
    pictures = []
    for path in paths[:count]:
        try:
            picture = Image.open(path).convert("RGB").resize((size, size), Image.BICUBIC)
        except (OSError, UnidentifiedImageError) as error:
            raise CompileError(f"{path}: {error}") from None
        pictures.append(torch.from_numpy(np.asarray(picture).copy()))
    return torch.stack(pictures)


def _numbers(text: str | None) -> list[int] | None:
    try:
        return [int(part) for part in text.split(",")] if text else None
    except ValueError:
        raise CompileError(f"{text!r} is no comma-separated list of whole numbers") from None


@app.command()
def main(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint, or packed image to show")],
    heads: Annotated[str | None, typer.Option(help="heads a stage, for example 1,2,4,8")] = None,
    reduction: Annotated[str | None, typer.Option(help="r a stage, for example 8,4,1,1")] = None,
    calibration: Annotated[Path | None, typer.Option(
        help="folder of pictures or .npy (uint8) that set the scales; noise without it")] = None,
    output: Annotated[Path | None, typer.Option(help="packed image to write")] = None,
    print_stage: Annotated[Stage | None, typer.Option("--show", help="stage to print")] = None,
) -> None:
    """Compile a checkpoint to a packed image, or print a stage of it."""
    console = Console()
    try:
        _compile(console, checkpoint, heads, reduction, calibration, output, print_stage)
    except (CompileError, PackedImageError, ModelError, OSError) as error:
        Console(stderr=True).print(str(error), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


def _compile(console: Console, checkpoint: Path, heads: str | None, reduction: str | None,
             calibration: Path | None, output: Path | None, stage: Stage | None) -> None:
    if checkpoint.suffix == SUFFIX:
        show.show_packed(read_packed(checkpoint), console)
        return
    from sw.model import from_checkpoint

    network = load(from_checkpoint(checkpoint, heads=_numbers(heads),
                                   reduction=_numbers(reduction)))
    if stage is Stage.LOAD:
        show.show_load(network, console)
        return
    folded = fold(network)
    if stage is Stage.FOLD:
        show.show_fold(folded, console)
        return
    images = calibration_pictures(calibration, network.shape.image)
    quantised = quantise(folded, images)
    if stage is Stage.QUANTISE:
        show.show_quantise(quantised, console)
        return
    packed = with_saturation(quantised.packed, images)
    path = output or checkpoint.with_suffix(SUFFIX)
    pack(packed, path)
    if stage is Stage.PACK:
        show.show_packed(packed, console)
    console.print(f"wrote {path} ({path.stat().st_size / 1024:.0f} KiB)")


if __name__ == "__main__":
    app()
