"""Small float models with every parameter random, both signs of gains, norms calibrated."""

from __future__ import annotations

import torch

from sw.model import BinaryViT, ModelConfig
from sw.model.attention import SelfAttention

SMALL = {"image": 16, "patch": 2, "classes": 10}
CONFIGS = {
    "pyramid": ModelConfig(
        **SMALL, channels=(32, 64), depths=(1, 2), reduction=(4, 1), heads=(1, 2), hidden=(128, 128)
    ),
    "real": ModelConfig(
        **SMALL,
        channels=(32, 96),
        depths=(1, 1),
        reduction=(2, 2),
        heads=(2, 3),
        hidden=(64, 192),
        embedding="real",
    ),
    "class_token": ModelConfig(
        **SMALL,
        channels=(64,),
        depths=(2,),
        reduction=(1,),
        heads=(2,),
        hidden=(256,),
        class_token=True,
        pooled_branches=False,
        layer_scale=False,
        stem_norm=False,
    ),
    "mean": ModelConfig(
        **SMALL | {"image": 18, "patch": 3},
        channels=(128,),
        depths=(1,),
        reduction=(3,),
        heads=(1,),
        hidden=(128,),
        layer_scale=False,
    ),
    "ratios": ModelConfig(
        **SMALL, channels=(32, 64), depths=(1, 1), reduction=(2, 1), heads=(1, 1), hidden=(96, 1024)
    ),
}
"""Both embeddings, both heads, with and without branches and layer scale, odd windows, d = 128,
I/C of 1 to 4 and 16.
"""

MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def pictures(config: ModelConfig, count: int, seed: int = 0) -> torch.Tensor:
    """Blocky uint8 pictures (N, H, W, 3)."""
    generator = torch.Generator().manual_seed(seed)
    cells = -(-config.image // 4)
    coarse = torch.randint(0, 256, (count, cells, cells, 3), generator=generator)
    fine = torch.randint(-20, 21, (count, config.image, config.image, 3), generator=generator)
    large = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)
    return (large[:, : config.image, : config.image] + fine).clamp(0, 255).to(torch.uint8)


def normalised(images: torch.Tensor) -> torch.Tensor:
    """The float model's input."""
    return (images.double() / 255 - MEAN.double()) / DEVIATION.double()


def random_model(config: ModelConfig, seed: int = 0) -> BinaryViT:
    """A float64 model in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)

    def normal(like: torch.Tensor) -> torch.Tensor:
        return torch.randn(like.shape, generator=generator)

    model = BinaryViT(config)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2 or "proj" in name:
                parameter.copy_(0.05 * normal(parameter))
            else:
                parameter.add_(0.3 * normal(parameter))
        for attention in (m for m in model.modules() if isinstance(m, SelfAttention)):
            keys = (attention.grid // attention.reduce) ** 2
            attention.att_prob_clip.fill_(1.8 / keys)
        for norm in norms:
            sign = torch.where(torch.rand(norm.weight.shape, generator=generator) < 0.3, -1.0, 1.0)
            norm.weight.copy_(sign * (0.4 + torch.rand(norm.weight.shape, generator=generator)))
            norm.weight[0] = 0.0
            norm.momentum = None
        model.double().train()(normalised(pictures(config, 16, seed + 1)))
    return model.eval()
