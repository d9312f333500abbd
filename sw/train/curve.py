"""The learning curve as a picture."""

from pathlib import Path

from sw.figures import figure, save_figure
from sw.train.recipe import Recipe


def draw_curve(log: dict, path: Path, title: str) -> None:
    """Loss, training accuracy and learning rate over the epochs of ``log.json``.

    Raises
    ------
    NoPicture, OSError
        Without matplotlib, and for a file that cannot be written.
    """
    curve, recipe = log["curve"], Recipe(**log["recipe"])
    epochs = [point["epoch"] for point in curve]
    drawn = figure(figsize=(7, 5))
    upper, lower = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot(epochs, [point["loss"] for point in curve], color="tab:red", label="loss")
    upper.set_ylabel("loss")
    right = upper.twinx()
    right.plot(epochs, [100 * point["accuracy"] for point in curve], color="tab:blue")
    right.set_ylabel("training accuracy, augmented, %", color="tab:blue")
    lower.plot(epochs, [recipe.rate_at(point["done"]) for point in curve], color="tab:gray")
    lower.set_ylabel("rate")
    lower.set_xlabel("epoch")
    upper.set_title(title)
    save_figure(drawn, path)
