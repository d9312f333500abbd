"""The confusion matrix: its largest entries as a table, all of it as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.table import Table

from hw.spec.image import SUFFIX
from sw.figures import figure, save_figure

MOST_NAMED = 30
"""Classes up to which the picture has names and numbers."""


def confusion_table(confusion: np.ndarray, names: tuple[str, ...]) -> Table:
    """Accuracy of every class that has pictures, and the three it is most often taken for."""
    table = Table("class")
    for column in ("pictures", "right"):
        table.add_column(column, justify="right")
    table.add_column("taken for")
    for label, row in enumerate(confusion):
        if not row.any():
            continue
        wrong = row.copy()
        wrong[label] = 0
        others = [i for i in np.argsort(-wrong, kind="stable")[:3] if wrong[i]]
        table.add_row(
            names[label],
            f"{row.sum():,}",
            f"{100 * row[label] / row.sum():.1f} %",
            ", ".join(f"{names[i]} ({wrong[i]:,})" for i in others),
        )
    return table


def default_place(model: str) -> Path:
    """Where a model's picture is written unless told otherwise, below the present folder."""
    name = Path(model).name.removesuffix(SUFFIX).replace(":", "-")
    return Path("build/evaluate") / f"{name}.png"


def draw_confusion(confusion: np.ndarray, names: tuple[str, ...], path: Path, title: str) -> None:
    """Draw ``confusion[label, predicted]``: shares of each label's pictures, with their numbers.

    A row is a label, a column what it was taken for.

    Raises
    ------
    NoPicture, OSError
        Without matplotlib, and for a file that cannot be written.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    named = len(names) <= MOST_NAMED
    edge = 1.5 + 0.45 * len(names) if named else 8
    drawn = figure(figsize=(edge + 1, edge))
    axes = drawn.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if named:
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        for (row, column), count in np.ndenumerate(confusion):
            if count:
                dark = shares[row, column] > 0.5
                axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8,
                          color="white" if dark else "black")  # fmt: skip
    axes.set_xlabel("taken for")
    axes.set_ylabel("label")
    axes.set_title(title, parse_math=False)
    save_figure(drawn, path)
