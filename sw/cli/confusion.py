"""The confusion picture: a row a label, a column what it was taken for."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from sw.atomic import write_atomically
from sw.files import InputError, check_output

MOST_NAMED = 30
"""Classes up to which the picture has names and numbers."""


def check_picture(path: Path) -> None:
    """Refuse, before anything is computed, a picture that could not be drawn.

    Raises
    ------
    InputError
        Without matplotlib, for another kind of file than PNG, and as :func:`check_output`.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError("--picture: needs matplotlib; pip install matplotlib") from None
    if path.suffix.lower() != ".png":
        raise InputError(f"--picture {path}: pictures are PNG; end its name in .png")
    check_output("--picture", path)


def draw_confusion(confusion: np.ndarray, names: tuple[str, ...], path: Path, title: str) -> None:
    """Draw ``confusion[label, predicted]``: shares of each label's pictures, with their numbers."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    named = len(names) <= MOST_NAMED
    edge = 1.5 + 0.45 * len(names) if named else 8
    figure, axes = pyplot.subplots(figsize=(edge + 1, edge))
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
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, bbox_inches="tight")
    pyplot.close(figure)
    write_atomically(path, content.getvalue())
