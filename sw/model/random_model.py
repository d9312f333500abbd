"""Random but well-behaved models: every parameter non-trivial, every norm calibrated.

A model at its initial values is a poor test subject: thresholds and biases are 0, the pooled
branches are silent, all attention bits are 1.  Here every parameter is random, the norms'
running statistics come from running pictures through the network, and each attention clip is
set so that the attention bits of every head are mixed.
"""

import torch

from sw.data.normalise import normalise
from sw.data.synthetic import random_pictures
from sw.model.binaryvit import BinaryViT
from sw.model.config import BINARYVIT, ModelConfig
from sw.model.errors import ModelError
from sw.model.layers import TokenNorm
from sw.model.probe import Probe

DENSITY = (0.1, 0.9)
"""Share of ones that the attention bits of every head must have."""

Densities = dict[str, list[float]]


def random_binaryvit(
    seed: int,
    image: int = 224,
    until: tuple[int, int] | None = None,
    config: ModelConfig | None = None,
) -> tuple[BinaryViT, Densities]:
    """Build a random model; the same seed and sizes give the same model.

    Parameters
    ----------
    seed : int
    image : int
        Picture edge in pixels, for the paper's BinaryViT; ignored where ``config`` is given.
    until : (stage, block) or None
        Calibrate only up to this block (stage from 1, block from 0), which saves time.  What is
        calibrated equals the full build; what follows is random but uncalibrated.
    config : ModelConfig or None
        Other sizes than the paper's.

    Returns
    -------
    model : BinaryViT
        In eval mode.
    densities : dict
        Share of ones among each head's attention bits: ``{"stage1.block0": [head 0, ...]}``.

    Raises
    ------
    ModelError
        If some head's attention bits cannot be brought into :data:`DENSITY`.
    """
    config = BINARYVIT.with_(image=image) if config is None else config
    model = BinaryViT(config)
    _randomise(model, seed)
    return model, _calibrate(model, seed, until)


@torch.no_grad()
def _randomise(model: BinaryViT, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def normal(like, deviation):
        return torch.randn(like.shape, generator=generator) * deviation

    def between(like, low, high):
        return torch.rand(like.shape, generator=generator) * (high - low) + low

    def signs(like, negative):
        return torch.where(between(like, 0, 1) < negative, -1.0, 1.0)

    for name, p in model.named_parameters():
        if name.endswith("att_prob_clip"):
            continue  # chosen in calibration
        owner, last = name.split(".")[-2:]
        if name.endswith(("position_embeddings", "cls_token")):
            value = normal(p, 0.3)
        elif owner == "prelu":
            value = between(p, -0.25, 0.75)
        elif last == "alpha":
            low, high = (0.2, 0.6) if owner == "layerscale" else (0.05, 0.4)
            value = between(p, low, high) * signs(p, 0.4)
        elif "norm" in owner:
            value = between(p, 0.5, 1.5) * signs(p, 0.25) if last == "weight" else normal(p, 0.3)
        elif p.ndim > 1 and last == "weight":
            value = normal(p, p[0].numel() ** -0.5)
        else:  # thresholds, moves, offsets and real biases
            value = normal(p, 0.2)
        p.copy_(value)


class _Calibration(Probe):
    """Sets the attention clip of each layer when its probabilities are known."""

    def __init__(self, densities: Densities, prefix=""):
        super().__init__(prefix=prefix)
        self._densities = densities

    def at(self, prefix):
        return _Calibration(self._densities, f"{self._prefix}{prefix}.")

    def probability_bit(self, name, p, clip):
        clip.copy_(_mixing_clip(p))
        bits = super().probability_bit(name, p, clip)
        self._densities[self._prefix.removesuffix(".attention.")] = bits.mean((0, 2, 3)).tolist()
        return bits


def _mixing_clip(p: torch.Tensor) -> torch.Tensor:
    """The clip that keeps the extreme heads' shares of ones farthest from 0 and 1.

    p: probabilities (B, h, N, M).  A bit is 1 where ``p > clip / 2``.
    """
    heads = p.transpose(0, 1).flatten(1).sort(1).values  # (h, samples)
    shares = torch.linspace(0.05, 0.95, 37)
    candidates = heads[:, (shares * (heads.shape[1] - 1)).long()].flatten()
    ones = 1 - torch.searchsorted(heads, candidates.expand(len(heads), -1).contiguous(), right=True)
    ones = 1 + (ones - 1) / heads.shape[1]  # (h, candidates): share above the candidate
    margin = torch.minimum(ones.amin(0), 1 - ones.amax(0))
    return 2 * candidates[margin.argmax()]


@torch.no_grad()
def _calibrate(model: BinaryViT, seed: int, until) -> Densities:
    """One pass in training mode with momentum 1: each norm keeps the statistics it sees."""
    config = model.config
    count = max(4, min(32, (128 * 128) // config.image**2))
    pictures = normalise(torch.from_numpy(random_pictures(seed, count, config.image)))
    norms = [part for part in model.modules() if isinstance(part, TokenNorm)]
    densities: Densities = {}
    for norm in norms:
        norm.momentum = 1.0
    model.train().run(pictures, _Calibration(densities), until)
    for norm in norms:
        norm.momentum = 0.1
    model.eval()
    for block, shares in densities.items():
        stage = int(block[len("stage") : block.index(".")]) - 1
        keys = config.tokens(stage) // config.reduction[stage] ** 2
        if keys > 1 and not DENSITY[0] <= min(shares) <= max(shares) <= DENSITY[1]:
            raise ModelError(
                f"{block}: attention bits of its heads are {min(shares):.0%} to"
                f" {max(shares):.0%} ones, outside {DENSITY[0]:.0%} to {DENSITY[1]:.0%};"
                " try another seed"
            )
    return densities
