"""One transformer block: attention, feed-forward part, and the pooled branches.

Source: BinaryViT (Le and Li, CVPRW 2023), section 3.  Attribute names equal those in
the authors' checkpoints.
"""

from torch import nn

from sw.model.attention import Attention
from sw.model.binary import BinaryLinear
from sw.model.config import ModelConfig
from sw.model.layers import (
    LayerScale,
    RPReLU,
    TokenNorm,
    pool_channels,
    running_average,
    threshold,
    tile,
)
from sw.model.probe import NO_PROBE, sign_of

BRANCHES = {"h3": (3, 1), "w3": (3, 2), "h5": (5, 1), "w5": (5, 2)}
"""Pooled branches: window length, and grid axis (1 vertical, 2 horizontal)."""


class Intermediate(nn.Module):
    """``f = RPReLU(BN(binlin(n2)) + tile(n2))``: (B, N, C) to (B, N, I)."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.move, self.dense = threshold(channels), BinaryLinear(channels, hidden)
        self.norm, self.rprelu = TokenNorm(hidden), RPReLU(hidden)

    def forward(self, n2, probe=NO_PROBE):
        """n2 (B, N, C) to f (B, N, I)."""
        y = self.norm(self.dense(sign_of(probe, "n2_bits", n2, self.move)))
        f = self.rprelu(y + tile(n2, y.shape[-1]))
        probe.record("hidden", f)
        return f


class Output(nn.Module):
    """``layerscale(RPReLU(BN(binlin(f)) + pool(f)))``: (B, N, I) to (B, N, C)."""

    def __init__(self, channels: int, hidden: int, layer_scale: bool):
        super().__init__()
        self.move, self.dense = threshold(hidden), BinaryLinear(hidden, channels)
        self.norm, self.rprelu = TokenNorm(channels), RPReLU(channels)
        self.layerscale = LayerScale(channels, 0.1) if layer_scale else nn.Identity()

    def forward(self, f, probe=NO_PROBE):
        """F (B, N, I) to y (B, N, C)."""
        y = self.norm(self.dense(sign_of(probe, "hidden_bits", f, self.move)))
        pooled = pool_channels(f, y.shape[-1])
        probe.record("pooled", pooled)
        y = self.layerscale(self.rprelu(y + pooled))
        probe.record("y", y)
        return y


class Block(nn.Module):
    """One transformer block with its pooled branches: (B, N, C) to (B, N, C)."""

    def __init__(self, config: ModelConfig, stage: int):
        super().__init__()
        c, hidden = config.channels[stage], config.hidden[stage]
        self.grid, self.pooled_branches = config.grid(stage), config.pooled_branches
        self.layernorm_before, self.layernorm_after = TokenNorm(c), TokenNorm(c)
        self.attention = Attention(config, stage)
        self.intermediate = Intermediate(c, hidden)
        self.output = Output(c, hidden, config.layer_scale)
        if config.pooled_branches:
            for branch in BRANCHES:
                setattr(self, f"layerscale_{branch}", LayerScale(c, 0.0))

    def forward(self, x, probe=NO_PROBE):
        """Main stream x (B, N, C) to x2 (B, N, C)."""
        probe.record("x", x)
        n1 = self.layernorm_before(x)
        probe.record("n1", n1)
        x = x + self.attention(n1, probe.at("attention"))
        probe.record("x1", x)
        n2 = self.layernorm_after(x)
        probe.record("n2", n2)
        ffn = probe.at("ffn")
        x = x + self.output(self.intermediate(n2, ffn), ffn)
        if self.pooled_branches:
            x = x + self._branches(n2, probe.at("branch"))
        probe.record("x2", x)
        return x

    def _branches(self, n2, probe):
        """The multiple average pooling branches, section 3.3."""
        image, total = n2.unflatten(1, (self.grid, self.grid)), 0
        for name, (size, axis) in BRANCHES.items():
            pooled = running_average(image, size, axis).flatten(1, 2)
            branch = getattr(self, f"layerscale_{name}")(pooled)
            probe.record(name, branch)
            total = total + branch
        return total
