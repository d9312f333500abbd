"""Load: a trained module's state to a :class:`FloatNetwork`, in float64.

The state has the authors' names; which parts exist tells the variant.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from sw.compiler.errors import CompileError
from sw.compiler.packed import Preprocessing, Shape

BATCH_NORM_EPSILON = 1e-5


@dataclass(frozen=True, eq=False)
class Norm:
    """Batch norm in inference: ``gain*x + bias``, both (C,)."""

    gain: Tensor
    bias: Tensor


@dataclass(frozen=True, eq=False)
class RPReLU:
    """``prelu(x - move1, slope) + move2``, all (C,)."""

    move1: Tensor
    slope: Tensor
    move2: Tensor


@dataclass(frozen=True, eq=False)
class Scale:
    """Layer scale: ``alpha*x + beta``, both (C,)."""

    alpha: Tensor
    beta: Tensor


@dataclass(frozen=True, eq=False)
class Binary:
    """A binary linear layer with what follows it.

    `weight` (O, K) is real and becomes ``sign(weight - row mean)`` (uncentred for patch
    embeddings) times the row mean of its magnitude; `threshold` (K,) is added before the sign.
    """

    weight: Tensor
    threshold: Tensor
    norm: Norm
    rprelu: RPReLU
    centred: bool = True
    scale: Scale | None = None


@dataclass(frozen=True, eq=False)
class FloatBlock:
    """One block; `reduction` is None with r == 1, `branches` None without them."""

    before: Norm
    after: Norm
    query: Binary
    key: Binary
    value: Binary
    reduction: Binary | None
    q_threshold: Tensor
    k_threshold: Tensor
    v_threshold: Tensor
    clip: float
    context_norm: Norm
    context_rprelu: RPReLU
    output: Binary
    hidden: Binary
    ffn: Binary
    branches: dict[str, Scale] | None


@dataclass(frozen=True, eq=False)
class FloatEmbedding:
    """A patch embedding between stages: `binary` or a real `weight` (C', 4C), kernel order
    (row, column, channel).
    """

    before: Norm
    binary: Binary | None
    weight: Tensor | None
    norm: Norm | None
    position: Tensor


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A model's real parameters.

    Parameters
    ----------
    stem_weight : (C0, patch*patch*3), order (row, column, channel); stem_bias : (C0,)
    stem_norm : Norm or None
    position : (tokens, C0); class_token : (C0,) or None
    embeddings : one for each stage from the second
    """

    shape: Shape
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    stem_weight: Tensor
    stem_bias: Tensor
    stem_norm: Norm | None
    position: Tensor
    class_token: Tensor | None
    blocks: dict[tuple[int, int], FloatBlock] = field(default_factory=dict)
    embeddings: dict[int, FloatEmbedding] = field(default_factory=dict)
    head_norm: Norm | None = None
    classifier_weight: Tensor | None = None
    classifier_bias: Tensor | None = None


class _State:
    """Reads a state dict: float64 tensors by name, flattened where a vector is meant."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def __contains__(self, name: str) -> bool:
        return name in self.state

    def tensor(self, name: str) -> Tensor:
        if name not in self.state:
            raise CompileError(f"the model has no {name!r}")
        return self.state[name].detach().to(torch.float64)

    def vector(self, name: str) -> Tensor:
        return self.tensor(name).flatten()

    def norm(self, name: str) -> Norm:
        v = self.vector
        gain = v(f"{name}.weight") / (v(f"{name}.running_var") + BATCH_NORM_EPSILON).sqrt()
        return Norm(gain, v(f"{name}.bias") - v(f"{name}.running_mean") * gain)

    def rprelu(self, name: str, channels: int) -> RPReLU:
        return RPReLU(
            self.vector(f"{name}.move1"),
            self.vector(f"{name}.prelu.weight").expand(channels),
            self.vector(f"{name}.move2"),
        )

    def scale(self, name: str) -> Scale | None:
        if f"{name}.alpha" not in self.state:
            return None
        return Scale(self.vector(f"{name}.alpha"), self.vector(f"{name}.move"))

    def binary(
        self, weight: str, move: str, norm: str, rprelu: str, scale: str | None = None
    ) -> Binary:
        w = self.tensor(weight)
        threshold = self.vector(move).expand(w.shape[1])
        return Binary(
            w,
            threshold,
            self.norm(norm),
            self.rprelu(rprelu, w.shape[0]),
            scale=self.scale(scale) if scale else None,
        )


def load_state(
    state: dict[str, Tensor],
    shape: Shape,
    preprocessing: Preprocessing,
    class_names: tuple[str, ...] = (),
) -> FloatNetwork:
    """A state dict with the authors' names to a :class:`FloatNetwork`.

    Raises
    ------
    CompileError
        For a missing tensor.
    """
    s = _State(state)
    embeddings = "vit.embeddings"
    c0 = shape.channels[0]
    stem = s.tensor(f"{embeddings}.patch_embeddings.projection.weight")
    bias = f"{embeddings}.patch_embeddings.projection.bias"
    blocks = {
        key: _block(s, f"vit.encoder.layer.{n}", shape.reduction[key[0] - 1])
        for n, key in enumerate(shape.blocks())
    }
    return FloatNetwork(
        shape=shape,
        preprocessing=preprocessing,
        class_names=class_names or tuple(str(i) for i in range(shape.classes)),
        stem_weight=_kernel(stem),
        stem_bias=s.vector(bias) if bias in s else torch.zeros(c0, dtype=torch.float64),
        stem_norm=s.norm(f"{embeddings}.norm") if f"{embeddings}.norm.weight" in s else None,
        position=_position(s.tensor(f"{embeddings}.position_embeddings"), c0),
        class_token=s.vector(f"{embeddings}.cls_token") if shape.class_token else None,
        blocks=blocks,
        embeddings={i: _embedding(s, i, shape) for i in range(2, shape.stages + 1)},
        head_norm=s.norm("vit.layernorm"),
        classifier_weight=s.tensor("classifier.weight"),
        classifier_bias=s.vector("classifier.bias"),
    )


def _kernel(weight: Tensor) -> Tensor:
    """(O, C, h, w) to (O, h*w*C), order (row, column, channel)."""
    return weight.permute(0, 2, 3, 1).flatten(1)


def _position(position: Tensor, channels: int) -> Tensor:
    """Position embedding as (tokens, channels)."""
    return position.reshape(-1, channels)


def _block(s: _State, name: str, r: int) -> FloatBlock:
    a = f"{name}.attention.attention"

    def projection(part: str, letter: str) -> Binary:
        norm = f"{a}.norm_r" if letter == "r" else f"{a}.norm{letter}"
        return s.binary(f"{a}.{part}.weight", f"{a}.move{letter}", norm, f"{a}.rprelu{letter}")

    def dense(part: str, scale: bool) -> Binary:
        prefix = f"{name}.{part}"
        return s.binary(
            f"{prefix}.dense.weight",
            f"{prefix}.move",
            f"{prefix}.norm",
            f"{prefix}.rprelu",
            f"{prefix}.layerscale" if scale else None,
        )

    query = projection("query", "q")
    c = query.weight.shape[0]
    branches = None
    if f"{name}.layerscale_h3.alpha" in s:
        branches = {b: s.scale(f"{name}.layerscale_{b}") for b in ("h3", "w3", "h5", "w5")}
    return FloatBlock(
        before=s.norm(f"{name}.layernorm_before"),
        after=s.norm(f"{name}.layernorm_after"),
        query=query,
        key=projection("key", "k"),
        value=projection("value", "v"),
        reduction=projection("reduction", "r") if r > 1 else None,
        q_threshold=s.vector(f"{a}.moveq2").expand(c),
        k_threshold=s.vector(f"{a}.movek2").expand(c),
        v_threshold=s.vector(f"{a}.movev2").expand(c),
        clip=float(s.tensor(f"{a}.att_prob_clip").flatten()[0]),
        context_norm=s.norm(f"{a}.norm_context"),
        context_rprelu=s.rprelu(f"{a}.rprelu_context", c),
        output=dense("attention.output", True),
        hidden=dense("intermediate", False),
        ffn=dense("output", True),
        branches=branches,
    )


def _embedding(s: _State, stage: int, shape: Shape) -> FloatEmbedding:
    name = f"vit.encoder.patch_embed{stage - 1}"
    weight = _kernel(s.tensor(f"{name}.proj.weight"))
    before = s.norm(f"{name}.norm0")
    position = _position(s.tensor(f"{name}.position_embeddings"), weight.shape[0])
    if shape.embedding == "real":
        return FloatEmbedding(before, None, weight, s.norm(f"{name}.norm"), position)
    channels = before.gain.numel()
    binary = Binary(
        weight,
        s.vector(f"{name}.move").expand(channels).repeat(4),
        s.norm(f"{name}.norm"),
        s.rprelu(f"{name}.rprelu", weight.shape[0]),
        centred=False,
    )
    return FloatEmbedding(before, binary, None, None, position)


def load(
    model: torch.nn.Module,
    preprocessing: Preprocessing | None = None,
    class_names: tuple[str, ...] = (),
) -> FloatNetwork:
    """A :class:`sw.model.BinaryViT` to a :class:`FloatNetwork`.

    Without `preprocessing`, pictures are taken at the model's size (224: short side 256 first)
    with ImageNet's mean and deviation.
    """
    c = model.config
    shape = Shape(
        image=c.image,
        patch=c.patch,
        channels=c.channels,
        depths=c.depths,
        reduction=c.reduction,
        heads=c.heads,
        hidden=c.hidden,
        classes=c.classes,
        pooled_branches=c.pooled_branches,
        layer_scale=c.layer_scale,
        class_token=c.class_token,
        embedding=c.embedding,
    )
    size = 256 if c.image == 224 else c.image
    return load_state(
        model.state_dict(), shape, preprocessing or Preprocessing(size, c.image), class_names
    )
