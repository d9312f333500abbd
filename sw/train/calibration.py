"""Norm statistics taken anew from the training pictures, once the weights are final."""

import torch

from sw.data import Dataset, normalise
from sw.model import BinaryViT
from sw.model.layers import TokenNorm


@torch.no_grad()
def calibrate_norms(model: BinaryViT, data: Dataset, count: int = 5000, batch: int = 250) -> None:
    """Replace running statistics by the plain mean over ``count`` scattered pictures.

    In training they are moving averages over a few augmented batches.  The model is left in
    eval mode.
    """
    norms = [part for part in model.modules() if isinstance(part, TokenNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative mean
    model.train()
    device = next(model.parameters()).device
    images = torch.from_numpy(data.sample(count).images)
    for start in range(0, len(images), batch):
        model(normalise(images[start : start + batch].to(device)))
    for norm in norms:
        norm.momentum = 0.1
    model.eval()
