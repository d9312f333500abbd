"""Calibrate: the folded network run on pictures in floating point, to see how large tensors get.

It also proves folding by itself: its logits equal the float model's to float rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from sw.compiler.fold import even_shift, pool_shift
from sw.compiler.folded import FoldedLayer, FoldedNetwork
from sw.compiler.packed import block_name


@dataclass
class Ranges:
    """What was seen of the network's values.

    Parameters
    ----------
    channels : dict of str to float64 (channels,)
        Greatest magnitudes by scale group.
    pre : dict of str to float
        Greatest magnitudes of pre-activations by layer.
    pops : dict of int to int
        Greatest number of equal bits of a query and a key by stage.
    moments : dict of str to float64 (K, K)
        By real layer: sum of the outer products of its operands.
    """

    channels: dict[str, Tensor] = field(default_factory=dict)
    pre: dict[str, float] = field(default_factory=dict)
    pops: dict[int, int] = field(default_factory=dict)
    moments: dict[str, Tensor] = field(default_factory=dict)

    def group(self, name: str, tensor: Tensor) -> Tensor:
        """Notes a tensor of a scale group and returns it."""
        here = tensor.abs().flatten(0, -2).amax(0).double()
        self.channels[name] = torch.maximum(self.channels.get(name, here), here)
        return tensor

    def operands(self, name: str, tensor: Tensor) -> Tensor:
        """Notes what a real layer multiplies and returns it."""
        flat = tensor.flatten(0, -2).double()
        self.moments[name] = self.moments.get(name, 0) + flat.T @ flat
        return tensor


def calibrate(network: FoldedNetwork, images: Tensor, batch: int = 8) -> Ranges:
    """Ranges over uint8 pictures (N, H, W, 3)."""
    ranges = Ranges()
    for part in images.split(batch):
        run_folded(network, part, ranges=ranges)
    return ranges


def run_folded(
    network: FoldedNetwork,
    images: Tensor,
    ranges: Ranges | None = None,
    kind: torch.dtype = torch.float32,
) -> Tensor:
    """Float logits (N, classes) of the folded network."""
    return _Run(network, ranges or Ranges(), kind).logits(images)


class _Run:
    def __init__(self, network: FoldedNetwork, ranges: Ranges, kind: torch.dtype) -> None:
        self.network, self.ranges, self.kind = network, ranges, kind

    def logits(self, images: Tensor) -> Tensor:
        shape = self.network.shape
        x = self._patches(images.to(self.kind) - 128, shape.patch)
        x = self._layer(self.network.layers["stem"], x, None)
        x = self._position(x, "stem")
        for stage, depth in enumerate(shape.depths, start=1):
            if stage > 1:
                x = self._embedding(stage, x)
            for block in range(depth):
                x = self._block(stage, block, x)
        if shape.class_token:
            mean = x[:, 0]
        else:
            mean = x.sum(1) / 2.0 ** even_shift(x.shape[1])
            self.ranges.group(f"stage{shape.stages}.x", mean)
        y = self._layer(self.network.layers["head"], None, mean)
        return y @ self.network.classifier_weight.to(self.kind).T + self.network.classifier_bias.to(
            self.kind
        )

    def _layer(self, layer: FoldedLayer, inputs: Tensor | None, residual: Tensor | None) -> Tensor:
        """``y`` of +-1 (or real) inputs, or of an already formed sum where there is no weight."""
        kind, v = self.kind, layer.bias.to(self.kind)
        if layer.real:
            residual = self.ranges.operands(layer.name, inputs) @ layer.weight.to(kind).T
        elif inputs is not None:
            s = inputs if layer.weight is None else inputs @ layer.weight.to(kind).T
            v = v + s * layer.gain.to(kind)
        if residual is not None:
            v = v + residual * layer.residual_gain.to(kind)
        self.ranges.pre[layer.name] = max(
            self.ranges.pre.get(layer.name, 0.0), float(v.abs().max())
        )
        slope = torch.where(v < 0, layer.slope_negative.to(kind), layer.slope_positive.to(kind))
        return self.ranges.group(layer.target, v * slope + layer.offset.to(kind))

    def _bits(self, layer: FoldedLayer, value: Tensor, which: int = 0) -> Tensor:
        """Stored bits as +-1."""
        t = layer.thresholds[which]
        model = value * t.scale.to(self.kind) + t.shift.to(self.kind) >= 0
        return torch.where(model ^ t.inverted, 1.0, -1.0).to(self.kind)

    def _position(self, y: Tensor, name: str) -> Tensor:
        layer = self.network.layers[name]
        if self.network.shape.class_token:
            y = torch.cat([y.new_zeros(len(y), 1, y.shape[2]), y], 1)
        self.ranges.group(layer.target, layer.position)
        return self.ranges.group(layer.target, y + layer.position.to(self.kind))

    @staticmethod
    def _patches(x: Tensor, p: int) -> Tensor:
        return x.unfold(1, p, p).unfold(2, p, p).permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(1, 2)

    def _grid(self, x: Tensor) -> Tensor:
        side = int(x.shape[1] ** 0.5)
        return x.unflatten(1, (side, side))

    def _mean(self, x: Tensor, r: int) -> Tensor:
        """Grid mean of r x r windows: their sum over the power of two."""
        grid = self._grid(x).unfold(1, r, r).unfold(2, r, r).sum((-1, -2))
        return grid.flatten(1, 2) / 2.0 ** even_shift(r * r)

    def _embedding(self, stage: int, x: Tensor) -> Tensor:
        layers, name = self.network.layers, f"stage{stage}.embedding"
        layer = layers[name]
        if self.network.shape.embedding == "real":
            n = self._layer(layers[f"{name}.norm"], None, x)
            y = self._layer(layer, self._patches(self._grid(n), 2), None)
        else:
            bits = self._bits(layers[f"{name}.pass"], x)
            mean = self._mean(x, 2)
            residual = mean.repeat(1, 1, layer.outputs // x.shape[2])
            y = self._layer(layer, self._patches(self._grid(bits), 2), residual)
        return self._position(y, name)

    def _block(self, stage: int, block: int, x: Tensor) -> Tensor:
        shape, name = self.network.shape, block_name(stage, block)
        parts = {
            k[len(name) + 1 :]: v
            for k, v in self.network.layers.items()
            if k.startswith(name + ".")
        }
        r, heads, group = shape.reduction[stage - 1], shape.heads[stage - 1], self.ranges.group

        def run(part: str, inputs: Tensor, residual: Tensor) -> Tensor:
            return self._layer(parts[part], inputs, residual)

        q_in = self._bits(parts["pass"], x)
        if r == 1:
            source, k_in, v_in = x, self._bits(parts["pass"], x, 1), self._bits(parts["pass"], x, 2)
        else:
            px = group(f"stage{stage}.x", self._mean(x, r))
            source = run("reduction", self._bits(parts["pass_pooled"], px), px)
            k_in, v_in = (self._bits(parts["reduction"], source, i) for i in (0, 1))
        k, v, q = run("key", k_in, source), run("value", v_in, source), run("query", q_in, x)
        q_bits, k_bits, v_bits = (
            self._bits(parts[part], value).unflatten(2, (heads, -1)).transpose(1, 2)
            for part, value in (("query", q), ("key", k), ("value", v))
        )
        kv = group(f"{name}.u", k + v)
        if r > 1:
            kv = self._grid(kv).repeat_interleave(r, 1).repeat_interleave(r, 2).flatten(1, 2)
        u = group(f"{name}.u", q + kv)
        scores, d = q_bits @ k_bits.transpose(-1, -2), q_bits.shape[-1]
        self.ranges.pops[stage] = max(self.ranges.pops.get(stage, 0), (int(scores.max()) + d) // 2)
        p, clip = (scores * d**-0.5).softmax(-1), self.network.clips[name]
        ones = p > clip / 2 if clip > 0 else torch.zeros_like(p, dtype=torch.bool)
        context = (ones.to(self.kind) @ v_bits).transpose(1, 2).flatten(2)
        t = run("context", context, u)
        x1 = group(f"stage{stage}.x", run("output", self._bits(parts["context"], t), t) + x)
        tiled = x1.repeat(1, 1, parts["hidden"].outputs // x.shape[2])
        f = run("hidden", self._bits(parts["output"], x1), tiled)
        adjacent = f.unflatten(2, (x.shape[2], -1))
        pf = adjacent.sum(-1) / 2.0 ** pool_shift(adjacent.shape[-1])
        y = run("ffn", self._bits(parts["hidden"], f), pf)
        main = self._branches(name, x1) if shape.pooled_branches else x1
        return group(f"stage{stage}.x", y + group(f"stage{stage}.x", main))

    def _branches(self, name: str, x1: Tensor) -> Tensor:
        b, grid = self.network.branches[name], self._grid(x1)
        total, inside = grid, torch.ones_like(grid[:1, :, :, :1])
        stage = name.split(".")[0]
        for which in b.gain:
            taps = int(which[1])
            kernel = (taps, 1) if which[0] == "h" else (1, taps)
            padding = (kernel[0] // 2, kernel[1] // 2)

            def window(z: Tensor, kernel=kernel, padding=padding, taps=taps) -> Tensor:
                pooled = torch.nn.functional.avg_pool2d(z.permute(0, 3, 1, 2), kernel, 1, padding)
                return pooled.permute(0, 2, 3, 1) * taps

            missing = taps - window(inside)
            value = (
                window(grid) * b.gain[which].to(self.kind)
                + b.constant[which].to(self.kind)
                - missing * b.loss[which].to(self.kind)
            )
            total = total + self.ranges.group(f"{stage}.x", value)
        return total.flatten(1, 2)
