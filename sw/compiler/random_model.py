"""Packed random models: non-degenerate parameters, calibrated norms and scales, from a seed."""

from __future__ import annotations

import torch

from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.packed import PackedNetwork
from sw.compiler.quantise import quantise
from sw.data.synthetic import random_pictures
from sw.model import BINARY_DEIT_S, BINARYVIT, ModelConfig, random_binaryvit

RANDOM_MODELS = {"binaryvit": BINARYVIT, "deit-s": BINARY_DEIT_S, "cifar10": ModelConfig()}
"""Sizes by name: the paper's networks at 224x224, and one of the shipped model's kind."""

CALIBRATION_PICTURES = {224: 2, 32: 32}
"""Pictures that set the scales, by picture edge."""


def packed_random(name: str, seed: int) -> PackedNetwork:
    """A random model of :data:`RANDOM_MODELS`, folded, quantised and packed.

    Norm statistics and scales come from random smooth pictures of the same seed.
    """
    config = RANDOM_MODELS[name]
    model, _ = random_binaryvit(seed, config=config)
    pictures = random_pictures(seed + 1, CALIBRATION_PICTURES[config.image], config.image)
    return quantise(fold(load(model)), torch.from_numpy(pictures)).packed
