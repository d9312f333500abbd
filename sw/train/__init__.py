"""Training: ``python -m sw.train --recipe NAME --data DIR``."""

from sw.train.accuracy import evaluate
from sw.train.errors import NotFiniteError, TrainError
from sw.train.place import Place
from sw.train.recipe import Recipe
from sw.train.recipes import RECIPES
from sw.train.trainer import Trainer

__all__ = [
    "RECIPES",
    "NotFiniteError",
    "Place",
    "Recipe",
    "TrainError",
    "Trainer",
    "evaluate",
]
