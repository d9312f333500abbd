"""``python -m sw pack``: a checkpoint to a packed image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw.spec.image import SUFFIX
from sw.cli.common import ending, note
from sw.compiler.build import compile_checkpoint


def pack(
    checkpoint: Annotated[Path, typer.Argument(help="safetensors or torch file")],
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
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=f"packed image; default {SUFFIX} beside")
    ] = None,
) -> None:
    """Pack a trained checkpoint.

    python -m sw.compiler does the same and shows what the compiler does on the way.
    """
    path = output or checkpoint.with_suffix(SUFFIX)
    with ending("pack"):
        compile_checkpoint(checkpoint, path, heads, reduction, depths, calibration, note)
        typer.echo(f"wrote {path} ({path.stat().st_size / 1024:.0f} KiB)")
