"""The named recipes: a model and how it is trained, as one."""

from dataclasses import dataclass

from sw.model import ModelConfig
from sw.train.recipe import Recipe


@dataclass(frozen=True)
class Named:
    """A model's sizes and its training.

    Parameters
    ----------
    model : ModelConfig
    recipe : Recipe
    why : str
        What it is for, in a line.
    """

    model: ModelConfig
    recipe: Recipe
    why: str


LONG = Recipe(epochs=400, batch=512, rate=4e-3, hard=0.1, temperature=2.0)
"""For a GPU: long, gently augmented, mostly the teacher's; rows of the ablation, too."""

RECIPES = {
    "cifar10": Named(
        ModelConfig(depths=(2, 2, 1, 1), hidden=(128, 256, 256, 256)),
        Recipe(epochs=200, cutmix=0.5, consistent=True),
        "the shipped architecture; a night of two cores, less than the shipped weights had",
    ),
    "cifar10-small": Named(
        ModelConfig(), Recipe(), "four stages of one block, which --grow makes cifar10 from"
    ),
    "cifar10-deep": Named(
        ModelConfig(
            channels=(32, 128, 256), depths=(2, 4, 1), reduction=(4, 2, 1), heads=(1, 2, 4),
            hidden=(64, 256, 512),
        ),
        LONG,
        "most blocks where a weight serves 64 tokens; for a GPU",
    ),
    "cifar10-wide": Named(
        ModelConfig(
            channels=(64, 128, 256), depths=(2, 4, 1), reduction=(4, 2, 1), heads=(2, 2, 4),
            hidden=(128, 256, 512),
        ),
        LONG,
        "twice as wide at 16x16; within the budget as long as values need not count",
    ),
}  # fmt: skip
"""By the name that ``--recipe`` takes."""
