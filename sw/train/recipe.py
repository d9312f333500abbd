"""The training recipe: its settings, the learning rate and the augmentation."""

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F

from sw.train.errors import TrainError


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    epochs : float
        Length of the run; the learning rate follows the share of it that is done.
    minutes : float or None
        If set, the length in minutes of training time instead of ``epochs``.
    batch : int
        Pictures a step.
    rate : float
        Peak learning rate of AdamW: linear warm-up over ``warmup`` of the run, then a cosine to 0.
    decay : float
        Weight decay of the real matrices (stem, classifier); signs have no use for one.
    clip_rate : float
        Factor on the learning rate of the attention clips, which are small numbers.
    hard : float
        Share of the labels in the loss; the rest is the teacher's.  1 without a teacher.
    temperature : float
        Softens the teacher's logits.
    shift : int
        Random crop: pictures move up to this many pixels each way.
    flip : bool
        Random mirroring.
    seed : int
    """

    epochs: float = 100.0
    minutes: float | None = None
    batch: int = 100
    rate: float = 2e-3
    decay: float = 0.0
    clip_rate: float = 0.05
    warmup: float = 0.02
    hard: float = 0.1
    temperature: float = 2.0
    shift: int = 4
    flip: bool = True
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch", "rate", "temperature"):
            if not getattr(self, name) > 0:
                raise TrainError(f"{name}={getattr(self, name)} must be positive")
        if self.minutes is not None and not self.minutes > 0:
            raise TrainError(f"minutes={self.minutes} must be positive")
        for name in ("hard", "warmup"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainError(f"{name}={getattr(self, name)} must lie in 0..1")

    def to_dict(self) -> dict:
        """The fields, for a file."""
        return asdict(self)

    def rate_at(self, done: float) -> float:
        """Learning rate when the share ``done`` (0..1) of the run is over."""
        ramp = min(1.0, done / self.warmup + 1e-3) if self.warmup else 1.0
        return self.rate * ramp * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def pad(images: torch.Tensor, shift: int) -> torch.Tensor:
    """Zero border of ``shift`` pixels around pictures (N, H, W, 3), from which crops are cut."""
    return F.pad(images, (0, 0, shift, shift, shift, shift))


def augment(padded, index, recipe: Recipe, generator: torch.Generator):
    """Cut a random crop of each picture ``index`` and mirror half of them, in one gather.

    Returns
    -------
    pixels : uint8 (B, H, W, 3)
    mirrored : bool (B,)
    """
    batch, width = len(index), padded.shape[2] - 2 * recipe.shift
    height = padded.shape[1] - 2 * recipe.shift
    offset = torch.randint(0, 2 * recipe.shift + 1, (2, batch, 1, 1), generator=generator)
    mirrored = torch.rand(batch, generator=generator) < (0.5 if recipe.flip else 0.0)
    rows = offset[0] + torch.arange(height).view(1, height, 1)
    columns = torch.arange(width).view(1, 1, width).expand(batch, 1, width)
    columns = torch.where(mirrored.view(-1, 1, 1), width - 1 - columns, columns) + offset[1]
    return padded[index.view(-1, 1, 1), rows, columns], mirrored
