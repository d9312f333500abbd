"""``python -m sw.golden``: accuracy and speed of the integer model on a data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from sw.atomic import write_json
from sw.compiler.errors import PackedImageError
from sw.compiler.pack import read_packed
from sw.data import DataError, load
from sw.golden import RangeError, run

BATCH = 256


def main(
    model: Annotated[Path, typer.Argument(help="packed image")],
    data: Annotated[Path, typer.Option(help="data folder; its test split is used")],
    limit: Annotated[int, typer.Option(help="pictures at most")] = 10_000,
    json_path: Annotated[Path | None, typer.Option("--json", help="write the result")] = None,
) -> None:
    """Run test pictures through the integer model; print top-1 accuracy and pictures a second."""
    try:
        packed = read_packed(model)
        pictures = load(data, "test", packed.model.image)
    except (PackedImageError, DataError, OSError) as error:
        typer.echo(f"golden: {error}", err=True)
        raise typer.Exit(2) from None
    images = torch.from_numpy(pictures.images[:limit])
    labels = torch.from_numpy(pictures.labels[:limit])
    right, start = 0, time.perf_counter()
    for at in range(0, len(images), BATCH):
        try:
            logits = run(packed, images[at : at + BATCH])
        except RangeError as error:
            typer.echo(f"golden: {error}", err=True)
            raise typer.Exit(1) from None
        right += int((logits.argmax(1) == labels[at : at + BATCH]).sum())
        if at // BATCH % 8 == 0:
            typer.echo(f"  {at + len(logits)} of {len(images)} pictures", err=True)
    seconds = time.perf_counter() - start
    result = {
        "images": len(images),
        "top1": 100 * right / len(images),
        "pictures_per_second": len(images) / seconds,
    }
    typer.echo(
        f"top-1 {result['top1']:.2f} % of {len(images)} pictures, "
        f"{result['pictures_per_second']:.0f} pictures/s"
    )
    if json_path is not None:
        write_json(json_path, result)


if __name__ == "__main__":
    typer.run(main)
