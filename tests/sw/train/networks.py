"""The smallest networks that train, and what tests do with them."""

import numpy as np
import torch

from sw.model import ModelConfig
from sw.model.teacher import CifarResNet

CONFIG = ModelConfig(
    image=8, patch=2, channels=(8, 16), depths=(1, 1), reduction=(2, 1), heads=(1, 2),
    hidden=(16, 16), classes=2,
)  # fmt: skip


def quiet(line):
    """Progress that nobody reads."""


def same(first, second):
    """Whether two modules hold the same numbers."""
    first, second = first.state_dict(), second.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


def write_teacher(path, classes):
    """A teacher's file, with weights at random."""
    model = CifarResNet(1, classes)
    np.savez(path, **{n: v.numpy() for n, v in model.state_dict().items() if "num_b" not in n})
