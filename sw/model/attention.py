"""Binary self-attention with spatial reduction of keys and values.

Source: BinaryViT (Le and Li, CVPRW 2023), section 3.  Attribute names equal those in
the authors' checkpoints.

Shapes: B pictures, N tokens (row-major on their grid), C channels, M = N / r^2 keys, h heads,
d = C / h.
"""

from math import sqrt

import torch
from torch import nn

from sw.model.binary import BinaryLinear, probability_value
from sw.model.config import ModelConfig
from sw.model.layers import LayerScale, RPReLU, TokenNorm, average_pool, threshold, upsample
from sw.model.probe import NO_PROBE, NoProbe, sign_of


class SelfAttention(nn.Module):
    """``t = RPReLU(BN(c * A @ sign(v)) + q + up(k) + up(v))``, section 3.2.

    While ``real`` is set, the probabilities themselves take the place of ``c * A``.
    """

    real = False

    def __init__(self, config: ModelConfig, stage: int):
        super().__init__()
        c = config.channels[stage]
        self.grid, self.reduce = config.grid(stage), config.reduction[stage]
        self.heads = config.heads[stage]
        self.moveq, self.movek, self.movev = threshold(c), threshold(c), threshold(c)
        self.query, self.key = BinaryLinear(c, c), BinaryLinear(c, c)
        self.value = BinaryLinear(c, c)
        self.normq, self.normk, self.normv = TokenNorm(c), TokenNorm(c), TokenNorm(c)
        self.rpreluq, self.rpreluk, self.rpreluv = RPReLU(c), RPReLU(c), RPReLU(c)
        if self.reduce > 1:
            self.mover = threshold(c)
            self.reduction, self.norm_r, self.rprelur = BinaryLinear(c, c), TokenNorm(c), RPReLU(c)
        self.moveq2, self.movek2, self.movev2 = threshold(c), threshold(c), threshold(c)
        self.att_prob_clip = nn.Parameter(torch.tensor(0.005))
        self.norm_context, self.rprelu_context = TokenNorm(c), RPReLU(c)

    def forward(self, n1, probe=NO_PROBE):
        """n1 (B, N, C) to t (B, N, C)."""
        q = self._project(n1, self.moveq, self.query, self.normq, self.rpreluq, "q", probe)
        r = self._reduced(n1, probe)
        k = self._project(r, self.movek, self.key, self.normk, self.rpreluk, "k", probe)
        v = self._project(r, self.movev, self.value, self.normv, self.rpreluv, "v", probe)

        q_bits = self._split(sign_of(probe, "q_bits", q, self.moveq2))  # (B, h, N, d)
        k_bits = self._split(sign_of(probe, "k_bits", k, self.movek2))  # (B, h, M, d)
        v_bits = self._split(sign_of(probe, "v_bits", v, self.movev2))  # (B, h, M, d)
        scores = q_bits @ k_bits.transpose(-2, -1)  # (B, h, N, M), integers -d..d
        probe.record("scores", scores)
        p = (scores / sqrt(q_bits.shape[-1])).softmax(-1)
        probe.record("probability", p)
        clip = self.att_prob_clip
        if self.real:
            context = self._merge(p.to(v_bits.dtype) @ v_bits)
        elif isinstance(probe, NoProbe) and torch.is_grad_enabled():
            context = self._merge(probability_value(p, clip).to(v_bits.dtype) @ v_bits)
        else:  # sums of integers: exact, whatever their order
            bits = probe.probability_bit("probability_bits", p, clip)
            context = self._merge(bits.to(v_bits.dtype) @ v_bits)
            probe.record("context", context)
            context = context * clip
        t = self.rprelu_context(self.norm_context(context) + q + self._up(k) + self._up(v))
        probe.record("t", t)
        return t

    def _project(self, x, move, linear, norm, rprelu, name, probe):
        """``RPReLU(BN(binlin(x)) + x)``."""
        y = rprelu(norm(linear(sign_of(probe, f"{name}_in_bits", x, move))) + x)
        probe.record(name, y)
        return y

    def _reduced(self, n1, probe):
        """The M tokens that keys and values come from: (B, N, C) to (B, M, C)."""
        if self.reduce == 1:
            return n1
        grid = n1.unflatten(1, (self.grid, self.grid))
        pooled = average_pool(grid, self.reduce).flatten(1, 2)
        probe.record("pooled", pooled)
        bits = sign_of(probe, "reduction_bits", pooled, self.mover)
        r = self.rprelur(self.norm_r(self.reduction(bits)) + pooled)
        probe.record("reduced", r)
        return r

    def _up(self, x):
        if self.reduce == 1:
            return x
        side = self.grid // self.reduce
        return upsample(x.unflatten(1, (side, side)), self.reduce).flatten(1, 2)

    def _split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _merge(self, x):
        return x.transpose(1, 2).flatten(2)


class AttentionOutput(nn.Module):
    """``layerscale(RPReLU(BN(binlin(t)) + t))``."""

    def __init__(self, channels: int, layer_scale: bool):
        super().__init__()
        self.move, self.dense = threshold(channels), BinaryLinear(channels, channels)
        self.norm, self.rprelu = TokenNorm(channels), RPReLU(channels)
        self.layerscale = LayerScale(channels, 0.1) if layer_scale else nn.Identity()

    def forward(self, t, probe=NO_PROBE):
        """T (B, N, C) to the addend (B, N, C)."""
        bits = sign_of(probe, "t_bits", t, self.move)
        return self.layerscale(self.rprelu(self.norm(self.dense(bits)) + t))


class Attention(nn.Module):
    """Attention with its output part: n1 (B, N, C) to the first main residual addend."""

    def __init__(self, config: ModelConfig, stage: int):
        super().__init__()
        self.attention = SelfAttention(config, stage)
        self.output = AttentionOutput(config.channels[stage], config.layer_scale)

    def forward(self, n1, probe=NO_PROBE):
        """n1 (B, N, C) to the addend (B, N, C)."""
        return self.output(self.attention(n1, probe), probe)
