"""The confusion picture: a row a label, a column what it was taken for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sw.figures import figure, save_figure

MOST_NAMED = 30
"""Classes up to which the picture has names and numbers."""


def draw_confusion(confusion: np.ndarray, names: tuple[str, ...], path: Path, title: str) -> None:
    """Draw ``confusion[label, predicted]``: shares of each label's pictures, with their numbers.

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
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
        for (row, column), count in np.ndenumerate(confusion):
            if count:
                dark = shares[row, column] > 0.5
                axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8,
                          color="white" if dark else "black")  # fmt: skip
    axes.set_xlabel("taken for")
    axes.set_ylabel("label")
    axes.set_title(title)
    save_figure(drawn, path)
