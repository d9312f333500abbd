"""The training settings and the learning rate."""

import math
from dataclasses import asdict, dataclass

from sw.train.errors import TrainError


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    epochs : float
        Length of the run; the learning rate follows the share of it that is done.
    minutes : float or None
        If set, the length in minutes of training time instead of ``epochs`` (one process only).
    batch : int
        Pictures a step, over all processes.
    rate : float
        Peak learning rate of AdamW: linear warm-up over ``warmup`` of the run, then a cosine to 0.
    warmup : float
        Share of the run.
    decay : float
        Weight decay of the real matrices (stem, classifier); signs have no use for one.
    clip_rate : float
        Factor on the learning rate of the attention clips, which are small numbers.
    hard : float
        Share of the labels in the loss; the rest is the teacher's.  1 without a teacher.
    temperature : float
        Softens the teacher's logits.
    consistent : bool
        The teacher looks at every picture as augmented, in every step, not at each picture once.
        For long runs that would learn their training pictures by heart.
    shift : int
        Random crop: pictures move up to this many pixels each way.
    flip : bool
        Random mirroring.
    cutmix : float
        Share of the steps in which a box of every picture comes from another one.  Helps models
        that learn their training pictures by heart; small binary ones rather underfit.
    average : float
        Decay of a moving average of the weights, which is then what is kept; 0 for none.
    noise : float
        Deviation of normal noise on what is binarised (its own is about 1): the integers then
        agree more often with the floats.
    real : float
        Share of the run that is trained in real numbers first, with a learning rate curve of its
        own.
    fresh_stem : bool
        Start the first patch embedding at random when the rest comes from real numbers: from
        ``real``, or from the checkpoint that a run starts with.
    grow : bool
        The checkpoint that a run starts with may have fewer blocks and other hidden widths
        (:func:`sw.train.grow.grow`).
    seed : int
    """

    epochs: float = 100.0
    minutes: float | None = None
    batch: int = 100
    rate: float = 2e-3
    warmup: float = 0.02
    decay: float = 0.0
    clip_rate: float = 0.05
    hard: float = 0.1
    temperature: float = 2.0
    consistent: bool = False
    shift: int = 4
    flip: bool = True
    cutmix: float = 0.0
    average: float = 0.0
    noise: float = 0.0
    real: float = 0.0
    fresh_stem: bool = False
    grow: bool = False
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch", "rate", "temperature"):
            if not getattr(self, name) > 0:
                raise TrainError(f"{name}={getattr(self, name)} must be positive")
        if self.minutes is not None and not self.minutes > 0:
            raise TrainError(f"minutes={self.minutes} must be positive")
        for name in ("shift", "noise"):
            if getattr(self, name) < 0:
                raise TrainError(f"{name}={getattr(self, name)} must not be negative")
        for name in ("hard", "warmup", "cutmix"):
            if not 0 <= getattr(self, name) <= 1:
                raise TrainError(f"{name}={getattr(self, name)} must lie in 0..1")
        for name in ("average", "real"):
            if not 0 <= getattr(self, name) < 1:
                raise TrainError(f"{name}={getattr(self, name)} must lie in 0..1, without 1")

    def to_dict(self) -> dict:
        """The fields, for a file."""
        return asdict(self)

    def is_real(self, done: float) -> bool:
        """Whether the run trains in real numbers when the share ``done`` of it is over."""
        return done < self.real

    def rate_at(self, done: float) -> float:
        """Learning rate when the share ``done`` (0..1) of the run is over."""
        start, length = (0.0, self.real) if self.is_real(done) else (self.real, 1 - self.real)
        here = min(1.0, (done - start) / length)
        ramp = min(1.0, here / self.warmup + 1e-3) if self.warmup else 1.0
        return self.rate * ramp * 0.5 * (1 + math.cos(math.pi * here))
