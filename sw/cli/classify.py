"""``python -m sw classify``: class names and scores of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from sw.cli.common import (
    BackendOption,
    BatchOption,
    DeviceConfigOption,
    MemoryOption,
    ModelOption,
    ending,
    note,
    open_backend,
    print_cycles,
)
from sw.compiler.packed import PackedNetwork
from sw.files import DEFAULT_MODEL, InputError, load_image, load_model


def classify(
    images: Annotated[list[Path], typer.Argument(help="pictures (PNG, JPEG, ...)")],
    model: ModelOption = DEFAULT_MODEL,
    backend: BackendOption = "golden",
    config: DeviceConfigOption = None,
    memory: MemoryOption = None,
    batch: BatchOption = 1,
    top: Annotated[int, typer.Option(help="classes to show")] = 5,
) -> None:
    """Print what pictures show.

    The likeliest classes with their scores and probabilities; with a device its cycles, too.
    """
    console = Console()
    with ending("classify"):
        if top < 1:
            raise InputError(f"--top {top}: show at least 1 class")
        with open_backend(backend, config, memory, batch) as accelerator:
            packed = load_model(model, report=note)
            pixels = np.stack([load_image(packed, path, report=note) for path in images])
            accelerator.load(packed)
            logits = accelerator.run(pixels)
            for path, row in zip(images, logits, strict=True):
                console.print(_table(packed, str(path), row, top))
            print_cycles(console, accelerator, accelerator.cycles)


def _table(packed: PackedNetwork, title: str, logits: np.ndarray, top: int) -> Table:
    """The `top` classes of one picture, the likeliest first."""
    scores = logits * packed.scalars["logit_scale"]
    probabilities = np.exp(scores - scores.max())
    probabilities /= probabilities.sum()
    table = Table("class", title=title, title_justify="left")
    for column in ("score", "raw logit", "probability"):
        table.add_column(column, justify="right")
    for i in np.argsort(-logits, kind="stable")[:top]:
        table.add_row(
            packed.classes[i],
            f"{scores[i]:.3f}",
            f"{logits[i]:,}",
            f"{100 * probabilities[i]:.1f} %",
        )
    return table
