"""AdamW in three groups, and the moving average of the weights."""

import torch

from sw.model import BinaryViT
from sw.train.recipe import Recipe

MATRICES = ("patch_embeddings.projection.weight", "classifier.weight")
"""The real matrices: only they decay."""


def make_optimiser(model: BinaryViT, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; group 0 are the attention clips, each group's ``factor`` multiplies the rate."""
    clips, matrices, rest = [], [], []
    for name, parameter in model.named_parameters():
        if name.endswith("att_prob_clip"):
            clips.append(parameter)
        elif name.endswith(MATRICES):
            matrices.append(parameter)
        else:
            rest.append(parameter)
    groups = [
        {"params": clips, "weight_decay": 0.0, "factor": recipe.clip_rate},
        {"params": matrices, "weight_decay": recipe.decay, "factor": 1.0},
        {"params": rest, "weight_decay": 0.0, "factor": 1.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate, fused=True)


def make_average(model: BinaryViT, recipe: Recipe) -> list[torch.Tensor]:
    """Copies of the parameters that follow them slowly; none where the recipe wants none."""
    if not recipe.average:
        return []
    return [parameter.detach().clone() for parameter in model.parameters()]
