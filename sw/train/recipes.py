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
"""What a small binary model needs: long, gently augmented (it underfits), mostly the teacher's."""

RECIPES = {
    "cifar10": Named(
        ModelConfig(
            channels=(32, 128, 256), depths=(2, 4, 1), reduction=(4, 2, 1), heads=(1, 2, 4),
            hidden=(64, 256, 512),
        ),
        LONG,
        "all on one ECP5-85F with its values: the blocks are where a weight serves 64 tokens",
    ),
    "cifar10-wide": Named(
        ModelConfig(
            channels=(64, 128, 256), depths=(2, 4, 1), reduction=(4, 2, 1), heads=(2, 2, 4),
            hidden=(128, 256, 512),
        ),
        LONG,
        "twice as wide at 16x16; within the budget as long as values need not count",
    ),
    "cifar10-small": Named(
        ModelConfig(), Recipe(), "four stages of one block: a demonstration in two hours of a core"
    ),
}  # fmt: skip
"""By the name that ``--recipe`` takes."""
