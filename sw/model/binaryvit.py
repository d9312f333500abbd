"""BinaryViT and the DeiT-style baseline it starts from, in floating point.

Source: Le and Li, "BinaryViT: Pushing Binary Vision Transformers Towards Convolutional Models",
CVPR Workshops 2023.  Attribute names equal the names in the authors' checkpoints.

Shapes: B pictures, N tokens (row-major on their grid), C channels, M = N / r^2 keys, h heads,
d = C / h.  A probe names every intermediate tensor (:mod:`sw.model.probe`).
"""

import torch
import torch.nn.functional as F
from torch import nn

from sw.model.binary import BinaryLinear, BinaryPatchConv, patches, probability_value
from sw.model.config import ModelConfig
from sw.model.layers import (
    LayerScale,
    RPReLU,
    TokenNorm,
    average_pool,
    pool_channels,
    running_average,
    threshold,
    tile,
    upsample,
)
from sw.model.layers import vector as _vector
from sw.model.probe import NO_PROBE, Probe

BRANCHES = {"h3": (3, 1), "w3": (3, 2), "h5": (5, 1), "w5": (5, 2)}
"""Pooled branches: window length, and grid axis (1 vertical, 2 horizontal)."""


def _sign(probe: Probe, name: str, x, move):
    return probe.sign(name, x, _vector(move, x))


class SelfAttention(nn.Module):
    """``t = RPReLU(BN(c * A @ sign(v)) + q + up(k) + up(v))``, section 3.2."""

    def __init__(self, config: ModelConfig, stage: int):
        super().__init__()
        c = config.channels[stage]
        self.grid, self.reduce = config.grid(stage), config.reduction[stage]
        self.heads = config.heads[stage]
        self.moveq, self.movek, self.movev = threshold(c), threshold(c), threshold(c)
        self.query, self.key, self.value = BinaryLinear(c, c), BinaryLinear(c, c), BinaryLinear(c, c)
        self.normq, self.normk, self.normv = TokenNorm(c), TokenNorm(c), TokenNorm(c)
        self.rpreluq, self.rpreluk, self.rpreluv = RPReLU(c), RPReLU(c), RPReLU(c)
        if self.reduce > 1:
            self.mover = threshold(c)
            self.reduction, self.norm_r, self.rprelur = BinaryLinear(c, c), TokenNorm(c), RPReLU(c)
        self.moveq2, self.movek2, self.movev2 = threshold(c), threshold(c), threshold(c)
        self.att_prob_clip = nn.Parameter(torch.tensor(0.005))
        self.norm_context, self.rprelu_context = TokenNorm(c), RPReLU(c)

    def forward(self, n1, probe=NO_PROBE):
        q = self._project(n1, self.moveq, self.query, self.normq, self.rpreluq, "q", probe)
        r = self._reduced(n1, probe)
        k = self._project(r, self.movek, self.key, self.normk, self.rpreluk, "k", probe)
        v = self._project(r, self.movev, self.value, self.normv, self.rpreluv, "v", probe)

        q_bits = self._split(_sign(probe, "q_bits", q, self.moveq2))  # (B, h, N, d)
        k_bits = self._split(_sign(probe, "k_bits", k, self.movek2))  # (B, h, M, d)
        v_bits = self._split(_sign(probe, "v_bits", v, self.movev2))  # (B, h, M, d)
        scores = q_bits @ k_bits.transpose(-2, -1)  # (B, h, N, M), integers -d..d
        probe.record("scores", scores)
        p = (scores * q_bits.shape[-1] ** -0.5).softmax(-1)
        probe.record("probability", p)
        clip = self.att_prob_clip
        if probe is NO_PROBE:
            context = self._merge(probability_value(p, clip).to(v_bits.dtype) @ v_bits)
        else:
            context = self._merge(probe.probability_bit("probability_bits", p, clip) @ v_bits)
            probe.record("context", context)
            context = context * clip
        skip = q + self._up(k) + self._up(v)
        t = self.rprelu_context(self.norm_context(context) + skip)
        probe.record("t", t)
        return t

    def _project(self, x, move, linear, norm, rprelu, name, probe):
        """``RPReLU(BN(binlin(x)) + x)``."""
        y = rprelu(norm(linear(_sign(probe, f"{name}_in_bits", x, move))) + x)
        probe.record(name, y)
        return y

    def _reduced(self, n1, probe):
        """The M tokens that keys and values come from: (B, N, C) to (B, M, C)."""
        if self.reduce == 1:
            return n1
        grid = n1.unflatten(1, (self.grid, self.grid))
        pooled = average_pool(grid, self.reduce).flatten(1, 2)
        probe.record("pooled", pooled)
        bits = _sign(probe, "reduction_bits", pooled, self.mover)
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
        bits = _sign(probe, "t_bits", t, self.move)
        return self.layerscale(self.rprelu(self.norm(self.dense(bits)) + t))


class Attention(nn.Module):
    def __init__(self, config: ModelConfig, stage: int):
        super().__init__()
        self.attention = SelfAttention(config, stage)
        self.output = AttentionOutput(config.channels[stage], config.layer_scale)

    def forward(self, n1, probe=NO_PROBE):
        return self.output(self.attention(n1, probe), probe)


class Intermediate(nn.Module):
    """``f = RPReLU(BN(binlin(n2)) + tile(n2))``: (B, N, C) to (B, N, I)."""

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.move, self.dense = threshold(channels), BinaryLinear(channels, hidden)
        self.norm, self.rprelu = TokenNorm(hidden), RPReLU(hidden)

    def forward(self, n2, probe=NO_PROBE):
        y = self.norm(self.dense(_sign(probe, "n2_bits", n2, self.move)))
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
        y = self.norm(self.dense(_sign(probe, "hidden_bits", f, self.move)))
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
        n = self.norm0(x)
        probe.record("n", n)
        bits = _sign(probe, "bits", n, self.move).unflatten(1, (self.grid, self.grid))
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
        n = self.norm0(x)
        probe.record("n", n)
        windows = patches(n.unflatten(1, (self.grid, self.grid)), 2)
        y = self.norm(F.linear(windows, self.proj.weight.permute(0, 2, 3, 1).flatten(1)))
        return y + self.position_embeddings.to(y.dtype)


class Projection(nn.Module):
    """The stem's real convolution, kernel = stride = patch: (B, H, W, 3) to (B, N, C0)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.patch = config.patch
        self.projection = nn.Conv2d(3, config.channels[0], config.patch, stride=config.patch)
        nn.init.trunc_normal_(self.projection.weight, std=0.02)
        nn.init.zeros_(self.projection.bias)

    def forward(self, pictures):
        weight = self.projection.weight.permute(0, 2, 3, 1).flatten(1)
        return F.linear(patches(pictures, self.patch), weight, self.projection.bias)


class Embeddings(nn.Module):
    """Stem: patches, batch norm, class token, position embedding: (B, H, W, 3) to (B, N, C0)."""

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
        x = self.norm(self.patch_embeddings(pictures))
        if self.class_token:
            x = torch.cat([self.cls_token.to(x.dtype).expand(len(x), 1, -1), x], 1)
        return x + self.position_embeddings.to(x.dtype)


class Encoder(nn.Module):
    """The stages: blocks numbered through in ``layer``, a patch embedding before each but one."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.depths = config.depths
        embedding = BinaryPatchEmbedding if config.embedding == "binary" else RealPatchEmbedding
        self.layer = nn.ModuleList(
            Block(config, stage) for stage in range(config.stages) for _ in range(self.depths[stage])
        )
        for stage in range(1, config.stages):
            setattr(self, f"patch_embed{stage}", embedding(config, stage))

    def forward(self, x, probe=NO_PROBE, until=None):
        layers = iter(self.layer)
        for stage, depth in enumerate(self.depths):
            here = probe.at(f"stage{stage + 1}")
            if stage:
                x = getattr(self, f"patch_embed{stage}")(x, here.at("embedding"))
                here.record("embedding", x)
            for number in range(depth):
                x = next(layers)(x, here.at(f"block{number}"))
                if until == (stage + 1, number):
                    return x
        return x


class Backbone(nn.Module):
    def __init__(self, config: ModelConfig):
        super().__init__()
        self.embeddings, self.encoder = Embeddings(config), Encoder(config)
        self.layernorm = TokenNorm(config.channels[-1])


class BinaryViT(nn.Module):
    """Pictures (B, H, W, 3), normalised floats, to logits (B, classes).

    ``forward(pictures, trace=None, binarise=None, until=None)``: see :class:`Probe` for the
    middle two; ``until=(stage, block)`` (stage from 1, block from 0) stops behind that block and
    returns its output (B, N, C).  Trace names are ``stem``, ``stage<i>.embedding``,
    ``stage<i>.block<j>.<tensor>``, ``head.norm``, ``head.mean`` and ``logits``.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.vit = Backbone(config)
        self.classifier = nn.Linear(config.channels[-1], config.classes)
        nn.init.trunc_normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, pictures, trace=None, binarise=None, until=None):
        probe = NO_PROBE if trace is None and binarise is None else Probe(trace, binarise)
        x = self.vit.embeddings(pictures)
        probe.record("stem", x)
        x = self.vit.encoder(x, probe, until)
        if until is not None:
            return x
        x = self.vit.layernorm(x)
        probe.record("head.norm", x)
        x = x[:, 0] if self.config.class_token else x.mean(1)
        probe.record("head.mean", x)
        logits = self.classifier(x)
        probe.record("logits", logits)
        return logits
