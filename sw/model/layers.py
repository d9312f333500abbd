"""The small layers around the binary ones.  Tokens are (B, N, C) or, on their grid, (B, H, W, C).

Source: BinaryViT (Le and Li, CVPRW 2023), section 3.
"""

import torch
from torch import nn


def vector(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A per-channel vector of any shape such as (C,) or (1, C, 1, 1) as (C,), typed ``like``."""
    return x.reshape(-1).to(like.dtype)


class TokenNorm(nn.BatchNorm1d):
    """Batch norm per channel over batch and tokens: (B, N, C) to the same; eps 1e-5.

    Under autocast its output is float32, and so is everything up to the next product: values that
    are added up and compared with thresholds keep their digits.
    """

    def forward(self, x):
        """X (..., C) to the same shape."""
        x = x.float() if x.dtype is torch.bfloat16 else x
        return super().forward(x.flatten(0, -2)).view(x.shape)


class RPReLU(nn.Module):
    """``prelu(x - move1) + move2`` per channel, slope 0.25 at the start."""

    def __init__(self, channels: int):
        super().__init__()
        self.move1 = nn.Parameter(torch.zeros(channels))
        self.prelu = nn.PReLU(channels, init=0.25)
        self.move2 = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        """X (..., C) to the same shape."""
        x = x - vector(self.move1, x)
        return torch.where(x >= 0, x, x * vector(self.prelu.weight, x)) + vector(self.move2, x)


class LayerScale(nn.Module):
    """``alpha * x + beta`` per channel; beta is called ``move`` in checkpoints."""

    def __init__(self, channels: int, alpha: float):
        super().__init__()
        self.alpha = nn.Parameter(torch.full((channels,), alpha))
        self.move = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        """X (..., C) to the same shape."""
        return x * vector(self.alpha, x) + vector(self.move, x)


def threshold(*shape: int) -> nn.Parameter:
    """A learned shift before a sign, 0 at the start."""
    return nn.Parameter(torch.zeros(shape))


def average_pool(x: torch.Tensor, size: int) -> torch.Tensor:
    """Means of non-overlapping windows: (B, H, W, C) to (B, H/size, W/size, C)."""
    batch, height, width, channels = x.shape
    return x.view(batch, height // size, size, width // size, size, channels).mean((2, 4))


def upsample(x: torch.Tensor, size: int) -> torch.Tensor:
    """Nearest neighbour: (B, H, W, C) to (B, H*size, W*size, C)."""
    batch, height, width, channels = x.shape
    x = x[:, :, None, :, None].expand(batch, height, size, width, size, channels)
    return x.reshape(batch, height * size, width * size, channels)


def tile(x: torch.Tensor, channels: int) -> torch.Tensor:
    """Repeat the channel axis: 0..C-1, again 0..C-1, ... up to ``channels``."""
    times = channels // x.shape[-1]
    return x if times == 1 else x.repeat(*(1 for _ in x.shape[:-1]), times)


def pool_channels(x: torch.Tensor, channels: int) -> torch.Tensor:
    """Means over adjacent channels, down to ``channels``."""
    if x.shape[-1] == channels:
        return x
    many = x.shape[-1] // channels
    group = torch.arange(x.shape[-1], device=x.device) // many
    means = (group[:, None] == torch.arange(channels, device=x.device)).to(x.dtype) / many
    return _product(x, means)


def running_average(x: torch.Tensor, size: int, axis: int) -> torch.Tensor:
    """Mean of ``size`` neighbours along grid ``axis`` (1: vertical, 2: horizontal), stride 1.

    Zero padded, and divided by ``size`` at the borders too.  x: (B, H, W, C).
    """
    place = torch.arange(x.shape[axis], device=x.device)
    near = (place[:, None] - place).abs() <= size // 2
    rows = x.flatten(2) if axis == 1 else x.flatten(0, 1)
    return _product(near.to(x.dtype) / size, rows).view(x.shape)


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Matrix product with every digit, also under autocast.

    Means are products with a fixed matrix here: compiled for a processor, sums of shifted or
    strided slices, and more so their gradients, took most of a training step.
    """
    with torch.autocast(a.device.type, enabled=False):
        return a @ b
