"""Fold: norms, scales and moves disappear into one gain, bias, two slopes and an offset.

1. *Norm after a binary layer.*  With s the signed sum, s_o the weight's scale and BN the map
   ``A*x + B``: ``BN(s_o*s) = (A*s_o)*s + B``.
2. *Pre-norm as a residual.*  ``n1 = a*x + b`` is never formed: ``BN(..) + n1 =
   (A*s_o)*s + a*x + (B + b)``, so a is the residual gain and b joins the bias.
3. *RPReLU.*  ``prelu(p - m1) + m2`` with ``v = p - m1``: m1 leaves the bias, the slopes are 1 and
   p's, the offset is m2.
4. *Layer scale behind it*, ``alpha*y + beta``: slopes ``alpha`` and ``alpha*slope``, offset
   ``alpha*m2 + beta``.
5. *Attention clip.*  ``ctx = c * s`` with s the signed sum of the attended values: gain ``A*c``.
6. *Means.*  A mean of n1 is ``a*mean(x) + b``.  The grid's mean is ``sum * 2**-shift``, shift the
   least even number with ``2**shift >= window``: ``mean = (2**shift / window) * grid mean``, and
   the factor joins a.  The mean of m adjacent channels likewise: ``sum * 2**-p`` with
   p = ceil(log2 m), and ``2**p / m`` is the residual gain of the layer that reads it.
7. *Bits.*  ``sign(a*x + b + t)`` is ``x >= -(b+t)/a`` for a > 0, ``x <= -(b+t)/a`` for a < 0 and
   constant for a = 0.  The contract only has ``>=``: the second is stored inverted, and because
   ``w * sign = (-w) * (-sign)`` column i of the consumer's weight is negated.  Query, key and value
   bits are read from y itself (a = 1), so attention never sees an inverted bit.
8. *Pooled branches.*  ``alpha/k * sum(a*x1 + b over existing taps) + beta
   = (alpha*a/k)*S + (alpha*b + beta) - missing*(alpha*b/k)``.
9. *Stem.*  ``W @ ((pixel/255 - mean)/dev) + w0`` with integer ``p = pixel - 128``:
   ``W' = W/(255*dev)``, bias ``w0 + sum of W*((128/255 - mean)/dev)``; its norm as in 1.
10. *Head.*  ``mean(BN(x)) = A*mean(x) + B``, with the factor of 6.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hw.spec.numerics import BRANCHES
from sw.compiler.folded import FoldedBranch, FoldedLayer, FoldedNetwork, Threshold
from sw.compiler.load import Binary, FloatBlock, FloatEmbedding, FloatNetwork, Norm, RPReLU
from sw.compiler.packed import block_name


def even_shift(window: int) -> int:
    """Least even shift with 2**shift >= window."""
    shift = (window - 1).bit_length()
    return shift + shift % 2


def pool_shift(m: int) -> int:
    """p, the bits dropped from a sum of m adjacent channels: least with 2**p >= m."""
    return (m - 1).bit_length()


def signs(weight: Tensor, centred: bool) -> tuple[Tensor, Tensor]:
    """+-1 (sign(0) = +1) and the scale a row, mean |w| of the weight as given."""
    shifted = weight - weight.mean(1, keepdim=True) if centred else weight
    return torch.where(shifted >= 0, 1.0, -1.0).to(weight.dtype), weight.abs().mean(1)


def threshold(bits: str, scale: Tensor, shift: Tensor, of_out: bool = False) -> Threshold:
    """A threshold with its direction (7)."""
    return Threshold(bits, scale, shift, (scale < 0) | ((scale == 0) & (shift < 0)), of_out)


def flip_columns(weight: Tensor, inverted: Tensor) -> Tensor:
    """`weight` (O, K) with the columns of inverted bits negated; the mask tiles over K."""
    tiled = inverted.repeat(weight.shape[1] // inverted.numel())
    return torch.where(tiled, -weight, weight)


def fold(network: FloatNetwork) -> FoldedNetwork:
    """Folds every layer."""
    layers: dict[str, FoldedLayer] = {}
    branches, clips, masks = {}, {}, {}

    def add(layer: FoldedLayer) -> None:
        if layer.input_bits:
            weight = flip_columns(layer.weight, masks[layer.input_bits])
            layer = _replace(layer, weight=weight)
        masks.update({t.bits: t.inverted for t in layer.thresholds})
        layers[layer.name] = layer

    add(_stem(network))
    for stage, block in network.shape.blocks():
        if block == 0 and stage > 1:
            for layer in _embedding(network.embeddings[stage], stage):
                add(layer)
        name = block_name(stage, block)
        source = network.blocks[stage, block]
        for layer in _block(network, source, stage, name):
            add(layer)
        clips[name] = source.clip
        if source.branches:
            branches[name] = _branches(source)
    add(_head(network))
    return FoldedNetwork(
        network.shape,
        network.preprocessing,
        network.class_names,
        layers,
        branches,
        clips,
        network.classifier_weight,
        network.classifier_bias,
    )


def _replace(layer: FoldedLayer, **changes) -> FoldedLayer:
    return FoldedLayer(**{**vars(layer), **changes})


def _activate(rprelu: RPReLU, bias: Tensor, scale=None) -> dict[str, Tensor]:
    """bias, slopes and offset (3, 4)."""
    one = torch.ones_like(bias)
    alpha, beta = (one, 0 * one) if scale is None else (scale.alpha, scale.beta)
    return {
        "bias": bias - rprelu.move1,
        "slope_positive": alpha * one,
        "slope_negative": alpha * rprelu.slope,
        "offset": alpha * rprelu.move2 + beta,
    }


def _linear(
    name: str,
    layer: Binary,
    target: str,
    input_bits: str,
    residual: str,
    residual_gain: Tensor | None,
    residual_bias: Tensor | float,
    thresholds: tuple[Threshold, ...] = (),
) -> FoldedLayer:
    """A binary layer with a residual ``residual_gain*x + residual_bias`` (1 to 4)."""
    sign, s_o = signs(layer.weight, layer.centred)
    if residual_gain is None:
        residual_gain = torch.ones_like(s_o)
    return FoldedLayer(
        name=name,
        target=target,
        weight=sign,
        gain=layer.norm.gain * s_o,
        residual_gain=residual_gain,
        residual=residual,
        input_bits=input_bits,
        thresholds=thresholds,
        **_activate(layer.rprelu, layer.norm.bias + residual_bias, layer.scale),
    )


def _block(network: FloatNetwork, b: FloatBlock, stage: int, name: str) -> list[FoldedLayer]:
    x, u, r, t, f = (f"stage{stage}.x", *(f"{name}.{g}" for g in "urtf"))
    reduction = network.shape.reduction[stage - 1]
    c, hidden = b.query.weight.shape[0], b.hidden.weight.shape[0]
    pool = hidden // c
    one = torch.ones(c, dtype=torch.float64)
    a1, b1, a2, b2 = b.before.gain, b.before.bias, b.after.gain, b.after.bias

    def own(bits: str, shift: Tensor) -> Threshold:
        return threshold(f"{name}.{bits}", torch.ones_like(shift), shift)

    q_in, k_in, v_in = (f"attention.{letter}_in_bits" for letter in "qkv")
    entry = [threshold(f"{name}.{q_in}", a1, b1 + b.query.threshold)]
    layers = []
    if reduction == 1:
        entry += [
            threshold(f"{name}.{k_in}", a1, b1 + b.key.threshold),
            threshold(f"{name}.{v_in}", a1, b1 + b.value.threshold),
        ]
        source, gain, bias = x, a1, b1
    else:
        window = reduction * reduction
        factor = 2.0 ** even_shift(window) / window
        pooled = f"{name}.attention.reduction_bits"
        layers = [
            FoldedLayer(
                f"{name}.pass_pooled",
                x,
                thresholds=(threshold(pooled, a1 * factor, b1 + b.reduction.threshold),),
            ),
            _linear(
                f"{name}.reduction",
                b.reduction,
                r,
                pooled,
                x,
                a1 * factor,
                b1,
                (own(k_in, b.key.threshold), own(v_in, b.value.threshold)),
            ),
        ]
        source, gain, bias = r, None, 0.0
    t_bits, f_bits = (
        own("attention.t_bits", b.output.threshold),
        own("ffn.hidden_bits", b.ffn.threshold),
    )
    n2_bits = threshold(f"{name}.ffn.n2_bits", a2, b2 + b.hidden.threshold, of_out=True)
    return [
        FoldedLayer(f"{name}.pass", x, thresholds=tuple(entry)),
        *layers,
        _linear(
            f"{name}.key",
            b.key,
            u,
            f"{name}.{k_in}",
            source,
            gain,
            bias,
            (own("attention.k_bits", b.k_threshold),),
        ),
        _linear(
            f"{name}.value",
            b.value,
            u,
            f"{name}.{v_in}",
            source,
            gain,
            bias,
            (own("attention.v_bits", b.v_threshold),),
        ),
        _linear(
            f"{name}.query",
            b.query,
            u,
            f"{name}.{q_in}",
            x,
            a1,
            b1,
            (own("attention.q_bits", b.q_threshold),),
        ),
        FoldedLayer(
            f"{name}.context",
            t,
            gain=b.context_norm.gain * b.clip,
            residual_gain=one,
            residual=u,
            thresholds=(t_bits,),
            **_activate(b.context_rprelu, b.context_norm.bias),
        ),
        _linear(f"{name}.output", b.output, x, t_bits.bits, t, None, 0.0, (n2_bits,)),
        _linear(
            f"{name}.hidden",
            b.hidden,
            f,
            n2_bits.bits,
            x,
            a2.repeat(pool),
            b2.repeat(pool),
            (f_bits,),
        ),
        _linear(f"{name}.ffn", b.ffn, x, f_bits.bits, f, one * 2.0 ** pool_shift(pool) / pool, 0.0),
    ]


def _branches(b: FloatBlock) -> FoldedBranch:
    a2, b2 = b.after.gain, b.after.bias
    gain, constant, loss = {}, {}, {}
    for which in BRANCHES:
        taps, scale = int(which[1]), b.branches[which]
        gain[which] = scale.alpha * a2 / taps
        constant[which] = scale.alpha * b2 + scale.beta
        loss[which] = scale.alpha * b2 / taps
    return FoldedBranch(gain, constant, loss)


def _affine(norm: Norm | None, like: Tensor) -> Norm:
    return norm or Norm(torch.ones_like(like), torch.zeros_like(like))


def _plain(bias: Tensor) -> dict[str, Tensor]:
    """``bias`` alone: slopes 1, offset 0."""
    one = torch.ones_like(bias)
    return {"bias": bias, "slope_positive": one, "slope_negative": one, "offset": 0 * one}


def _stem(network: FloatNetwork) -> FoldedLayer:
    patch = network.shape.patch
    mean, deviation = (
        torch.tensor(v, dtype=torch.float64).repeat(patch * patch)
        for v in (network.preprocessing.mean, network.preprocessing.deviation)
    )
    weight, bias = network.stem_weight / (255 * deviation), network.stem_bias
    bias = bias + network.stem_weight @ ((128 / 255 - mean) / deviation)
    norm = _affine(network.stem_norm, bias)
    position = network.position.clone()
    if network.class_token is not None:
        position[0] += network.class_token
    return FoldedLayer(
        "stem",
        "stage1.x",
        weight=weight,
        real=True,
        residual_gain=norm.gain,
        position=position,
        **_plain(norm.gain * bias + norm.bias),
    )


def _embedding(e: FloatEmbedding, stage: int) -> list[FoldedLayer]:
    name, x, source = f"stage{stage}.embedding", f"stage{stage}.x", f"stage{stage - 1}.x"
    a, b = e.before.gain, e.before.bias
    if e.binary is None:
        return [
            FoldedLayer(f"{name}.norm", f"{name}.n", residual=source, residual_gain=a, **_plain(b)),
            FoldedLayer(
                name,
                x,
                weight=e.weight,
                real=True,
                residual=f"{name}.n",
                residual_gain=e.norm.gain,
                position=e.position,
                **_plain(e.norm.bias),
            ),
        ]
    copies = e.binary.weight.shape[0] // a.numel()
    bits = threshold(f"{name}.bits", a, b + e.binary.threshold[: a.numel()])
    layer = _linear(name, e.binary, x, bits.bits, source, a.repeat(copies), b.repeat(copies))
    return [
        FoldedLayer(f"{name}.pass", source, thresholds=(bits,)),
        _replace(layer, position=e.position),
    ]


def _head(network: FloatNetwork) -> FoldedLayer:
    shape, norm = network.shape, network.head_norm
    tokens = shape.tokens(shape.stages)
    factor = 1.0 if shape.class_token else 2.0 ** even_shift(tokens) / tokens
    return FoldedLayer(
        "head",
        "head.mean",
        residual=f"stage{shape.stages}.x",
        residual_gain=norm.gain * factor,
        **_plain(norm.bias),
    )
