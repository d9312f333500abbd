"""Accuracy of the float model."""

import torch

from sw.data import Dataset, normalise
from sw.model import BinaryViT


@torch.no_grad()
def evaluate(model: BinaryViT, data: Dataset, batch: int = 250) -> float:
    """Share of ``data`` that the model classifies rightly; the model is put in eval mode."""
    model.eval()
    hits, device = 0, next(model.parameters()).device
    for start in range(0, len(data), batch):
        logits = model(normalise(torch.from_numpy(data.images[start : start + batch]).to(device)))
        labels = torch.from_numpy(data.labels[start : start + batch]).to(device)
        hits += int((logits.argmax(-1) == labels).sum())
    return hits / len(data)
