"""Training: ``python -m sw.train --data DIR``."""

from sw.train.errors import TrainError
from sw.train.recipe import Recipe
from sw.train.trainer import Trainer, evaluate

__all__ = ["Recipe", "TrainError", "Trainer", "evaluate"]
