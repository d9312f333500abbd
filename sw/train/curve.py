"""The learning curve as a picture."""

import io
from pathlib import Path

from sw.atomic import write_atomically
from sw.train.errors import TrainError
from sw.train.recipe import Recipe


class NoPicture(TrainError):
    """Matplotlib is not installed: a run goes on without pictures."""


def figure():
    """Matplotlib's object interface without a display.

    Raises
    ------
    NoPicture
    """
    try:
        import matplotlib
    except ImportError:
        raise NoPicture("no pictures: they need matplotlib; pip install matplotlib") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save(picture, path: Path) -> None:
    """Write a figure as PNG, atomically, and let go of it."""
    content = io.BytesIO()
    picture.savefig(content, format="png", dpi=150, bbox_inches="tight")
    figure().close(picture)
    write_atomically(path, content.getvalue())


def draw_curve(log: dict, path: Path, title: str) -> None:
    """Loss, training accuracy and learning rate over the epochs of ``log.json``."""
    curve, recipe = log["curve"], Recipe(**log["recipe"])
    epochs = [point["epoch"] for point in curve]
    picture, (upper, lower) = figure().subplots(
        2, 1, figsize=(7, 5), sharex=True, height_ratios=(3, 1)
    )
    upper.plot(epochs, [point["loss"] for point in curve], color="tab:red", label="loss")
    upper.set_ylabel("loss")
    right = upper.twinx()
    right.plot(epochs, [100 * point["accuracy"] for point in curve], color="tab:blue")
    right.set_ylabel("training accuracy, augmented, %", color="tab:blue")
    lower.plot(epochs, [recipe.rate_at(point["done"]) for point in curve], color="tab:gray")
    lower.set_ylabel("rate")
    lower.set_xlabel("epoch")
    upper.set_title(title)
    save(picture, path)
