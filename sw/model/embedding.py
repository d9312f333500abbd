"""The stem, and the patch embeddings between stages.

Source: BinaryViT (Le and Li, CVPRW 2023), section 3.  Attribute names equal those in
the authors' checkpoints.
"""

import torch
import torch.nn.functional as F
from torch import nn

from sw.model.binary import BinaryPatchConv, patches
from sw.model.config import ModelConfig
from sw.model.layers import RPReLU, TokenNorm, average_pool, threshold, tile
from sw.model.probe import NO_PROBE, sign_of


class BinaryPatchEmbedding(nn.Module):
    """``RPReLU(BN(binconv2x2(n)) + tile(avgpool2x2(n))) + position``, ``n = BN(x)``."""

    def __init__(self, config: ModelConfig, stage: int):
        super().__init__()
        c_in, c = config.channels[stage - 1], config.channels[stage]
        self.grid = config.grid(stage - 1)
        self.norm0, self.move = TokenNorm(c_in), threshold(1, c_in, 1, 1)
        self.proj, self.norm, self.rprelu = BinaryPatchConv(c_in, c), TokenNorm(c), RPReLU(c)
        self.position_embeddings = nn.Parameter(torch.zeros(1, config.tokens(stage), c))

    def forward(self, x, probe=NO_PROBE):
        """X (B, N, C) to (B, N / 4, C')."""
        n = self.norm0(x)
        probe.record("n", n)
        bits = sign_of(probe, "bits", n, self.move).unflatten(1, (self.grid, self.grid))
        pooled = average_pool(n.unflatten(1, (self.grid, self.grid)), 2).flatten(1, 2)
        y = self.norm(self.proj(bits))
        return self.rprelu(y + tile(pooled, y.shape[-1])) + self.position_embeddings.to(y.dtype)


class RealPatchEmbedding(nn.Module):
    """``BN(conv2x2(BN(x))) + position`` in full precision: the some-fp variant."""

    def __init__(self, config: ModelConfig, stage: int):
        super().__init__()
        c_in, c = config.channels[stage - 1], config.channels[stage]
        self.grid, self.norm0, self.norm = config.grid(stage - 1), TokenNorm(c_in), TokenNorm(c)
        self.proj = nn.Conv2d(c_in, c, 2, stride=2, bias=False)
        nn.init.trunc_normal_(self.proj.weight, std=0.02)
        self.position_embeddings = nn.Parameter(torch.zeros(1, config.tokens(stage), c))

    def forward(self, x, probe=NO_PROBE):
        """X (B, N, C) to (B, N / 4, C')."""
        n = self.norm0(x)
        probe.record("n", n)
        windows = patches(n.unflatten(1, (self.grid, self.grid)), 2)
        y = self.norm(F.linear(windows, self.proj.weight.permute(0, 2, 3, 1).flatten(1)))
        return y + self.position_embeddings.to(y.dtype)


class Projection(nn.Module):
    """The stem's real convolution, kernel = stride = patch; float32 also under autocast."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.patch = config.patch
        self.projection = nn.Conv2d(3, config.channels[0], config.patch, stride=config.patch)
        nn.init.trunc_normal_(self.projection.weight, std=0.02)
        nn.init.zeros_(self.projection.bias)

    def forward(self, pictures):
        """Pictures (B, H, W, 3) to tokens (B, N, C0)."""
        weight = self.projection.weight.permute(0, 2, 3, 1).flatten(1)
        with torch.autocast(pictures.device.type, enabled=False):
            return F.linear(patches(pictures, self.patch), weight, self.projection.bias)


class Embeddings(nn.Module):
    """Stem: patches, batch norm, class token, position embedding."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        c = config.channels[0]
        self.patch_embeddings = Projection(config)
        self.norm = TokenNorm(c) if config.stem_norm else nn.Identity()
        if config.class_token:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, c))
        self.class_token = config.class_token
        self.position_embeddings = nn.Parameter(torch.zeros(1, config.tokens(0), c))

    def forward(self, pictures):
        """Pictures (B, H, W, 3) to tokens (B, N, C0)."""
        x = self.norm(self.patch_embeddings(pictures))
        if self.class_token:
            x = torch.cat([self.cls_token.to(x.dtype).expand(len(x), 1, -1), x], 1)
        return x + self.position_embeddings.to(x.dtype)
