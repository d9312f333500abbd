"""Binarisation: forward rules and the gradient estimators used in training.

Sources: BinaryViT (Le and Li, CVPRW 2023), section 3; the estimators come from Bi-Real Net
(piecewise quadratic), BinaryConnect (clipped straight-through) and LSQ (learned clip).

``sign(0)`` is +1 here, as in the hardware; the authors' code yields 0 at exactly 0.
"""

import torch
import torch.nn.functional as F
from torch import nn


class _ActivationSign(torch.autograd.Function):
    """sign(x); derivative 2 + 2x on [-1, 0], 2 - 2x on (0, 1], else 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (2 - 2 * x.abs()).clamp(min=0)


class _WeightSign(torch.autograd.Function):
    """sign(w) * scale; gradient passes to w unscaled where |w| <= 1, the scale is a constant."""

    @staticmethod
    def forward(ctx, w, scale):
        ctx.save_for_backward(w)
        return torch.where(w >= 0, scale, -scale)

    @staticmethod
    def backward(ctx, grad):
        (w,) = ctx.saved_tensors
        return grad * (w.abs() <= 1), None


class _ProbabilityBit(torch.autograd.Function):
    """clamp(round(p / c), 0, 1) * c, half to even.

    To p the gradient passes where 0 <= p / c <= 1; to c it is the sum of
    (round(p / c) - p / c) there plus 1 where p / c > 1.
    """

    @staticmethod
    def forward(ctx, p, c):
        ctx.save_for_backward(p, c)
        return torch.round(p / c).clamp(0, 1) * c

    @staticmethod
    def backward(ctx, grad):
        p, c = ctx.saved_tensors
        ratio = p / c
        inside = ratio <= 1  # p is a probability: never below 0
        to_c = torch.where(inside, torch.round(ratio) - ratio, 1.0)
        return grad * inside, (grad * to_c).sum().reshape(c.shape).to(c.dtype)


def activation_sign(x: torch.Tensor) -> torch.Tensor:
    """Signs of ``x`` as +1.0 and -1.0, piecewise-quadratic gradient."""
    return _ActivationSign.apply(x)


def weight_sign(w: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Signs of ``w`` times ``scale`` (broadcast, held constant), clipped straight-through."""
    return _WeightSign.apply(w, scale)


def probability_value(p: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """Binary attention probabilities: ``c`` where ``p > c / 2``, else 0."""
    return _ProbabilityBit.apply(p, c)


class BinaryLinear(nn.Linear):
    """``y = s_o * sum_i bits_i * sign(w_oi - mean_i w_o)``, ``s_o = mean_i |w_oi|``; no bias.

    Input (..., C) of +1 and -1, output (..., O).  The input's threshold belongs to the caller.
    While ``real`` is set, the centred weight itself takes the place of its scaled sign.
    """

    real = False

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, bias=False)
        nn.init.trunc_normal_(self.weight, std=0.02)

    def binary_weight(self) -> torch.Tensor:
        """The scaled signs (O, C)."""
        scale = self.weight.detach().abs().mean(-1, keepdim=True)
        centred = self.weight - self.weight.mean(-1, keepdim=True)
        return centred if self.real else weight_sign(centred, scale)

    def exact_zeros(self) -> int:
        """Weights that are exactly 0 after centring: their sign is a convention (+1 here)."""
        return int((self.weight == self.weight.mean(-1, keepdim=True)).sum())

    def forward(self, bits):
        """Signs (see the class) to sums."""
        return F.linear(bits, self.binary_weight())


class BinaryPatchConv(nn.Conv2d):
    """2x2 stride-2 convolution with signs of the *uncentred* weight, scaled by mean |w| a filter.

    Input (B, H, W, C) of +1 and -1, output (B, H*W/4, C').
    While ``real`` is set, the weight itself takes the place of its scaled sign.
    """

    real = False

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 2, stride=2, bias=False)
        nn.init.trunc_normal_(self.weight, std=0.02)

    def binary_weight(self) -> torch.Tensor:
        """The scaled signs (C', C, 2, 2)."""
        scale = self.weight.detach().abs().mean((1, 2, 3), keepdim=True)
        return self.weight if self.real else weight_sign(self.weight, scale)

    def exact_zeros(self) -> int:
        """Weights that are exactly 0: their sign is a convention (+1 here)."""
        return int((self.weight == 0).sum())

    def forward(self, bits):
        """Signs (see the class) to sums."""
        return F.linear(patches(bits, 2), self.binary_weight().permute(0, 2, 3, 1).flatten(1))


def patches(x: torch.Tensor, size: int) -> torch.Tensor:
    """Non-overlapping windows: (B, H, W, C) to (B, H/size * W/size, size*size*C), row-major."""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // size, size, width // size, size, channels)
    return x.permute(0, 1, 3, 2, 4, 5).flatten(3).flatten(1, 2)
