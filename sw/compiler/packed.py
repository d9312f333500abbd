"""The packed network: everything that golden model, scheduler and driver know of a model.

Layers, by name (``{i}`` stage from 1, ``{j}`` block from 0):

==================================  =============================================================
``stage{i}.block{j}.pass``          thresholds of x: set 0 is q's; r == 1: sets 1, 2 are k's, v's
``stage{i}.block{j}.pass_pooled``   r > 1: threshold0 of px, reduction's input bits
``stage{i}.block{j}.reduction``     r > 1: threshold0, threshold1 of y: k's and v's input bits
``stage{i}.block{j}.key``           y; threshold0: key bits
``stage{i}.block{j}.value``         out = y + key's y; threshold0 of y: value bits
``stage{i}.block{j}.query``         out = y + up(k + v) = U; threshold0 of y: query bits
``stage{i}.block{j}.context``       no weight; y = t; threshold0 of y: output's input bits
``stage{i}.block{j}.output``        out = y + x = x1; threshold0 of *out*: hidden's input bits
``stage{i}.block{j}.hidden``        y = f; threshold0 of y: ffn's input bits; y pooled to pf
``stage{i}.block{j}.ffn``           out = y + (branch sum, or x1 without branches) = x2
``stem``                            int8 ``matrix``, whose sum is y's residual;
                                    out = y + ``position`` = x of stage 1
``stage{i}.embedding.pass``         binary: threshold0 of the previous stage's x
``stage{i}.embedding``              binary: residual = tiled 2x2 mean; out = y + ``position``
``stage{i}.embedding.norm``         real: the norm's y in int8 range; no weight
``stage{i}.embedding``              real: int8 ``matrix`` on norm's y, else as the stem
``head``                            the norm of the mean: y; no weight
``classifier``                      int8 ``matrix``, int32 ``bias``; logits = matrix @ y + bias
==================================  =============================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sw.compiler.bits import unpack_bits


@dataclass(frozen=True)
class Shape:
    """Sizes of a model; tuples have one entry a stage.

    Parameters
    ----------
    image, patch : int
        Pixels a side of the picture and of a stem patch.
    channels, depths, reduction, heads, hidden : tuple of int
        C, blocks, r, h and I of each stage.
    classes : int
        Logits.
    pooled_branches, layer_scale, class_token : bool
        Whether blocks have the four pooled branches and layer scale; whether token 0 is a class
        token, from which the head then reads.
    embedding : str
        Patch embeddings between stages: ``binary`` or ``real``.
    """

    image: int
    patch: int
    channels: tuple[int, ...]
    depths: tuple[int, ...]
    reduction: tuple[int, ...]
    heads: tuple[int, ...]
    hidden: tuple[int, ...]
    classes: int
    pooled_branches: bool
    layer_scale: bool
    class_token: bool = False
    embedding: str = "binary"

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.channels)

    def side(self, stage: int) -> int:
        """Tokens a side of the picture in `stage` (from 1)."""
        return self.image // self.patch >> (stage - 1)

    def tokens(self, stage: int) -> int:
        """Tokens of `stage`, a class token included."""
        return self.side(stage) ** 2 + self.class_token

    def keys(self, stage: int) -> int:
        """Keys of each head in `stage`."""
        r = self.reduction[stage - 1]
        return (self.side(stage) // r) ** 2 + self.class_token

    def blocks(self) -> list[tuple[int, int]]:
        """All (stage from 1, block from 0), in execution order."""
        return [(i + 1, j) for i, depth in enumerate(self.depths) for j in range(depth)]


def block_name(stage: int, block: int) -> str:
    """Name of a block: the prefix of its layers and tensors."""
    return f"stage{stage}.block{block}"


@dataclass(frozen=True, eq=False)
class PackedLayer:
    """One layer in integers.

    Parameters
    ----------
    inputs, outputs : int
        K (0 without a weight) and output channels.
    weight : int64 array (outputs, ceil(K/64)) or None
        Sign bits, input channel i in bit i%64 of word i//64; 1 is +1; padding bits are 0.
    parameters : dict of str to int16 array (outputs,)
        The :data:`hw.spec.numerics.PARAMETER_FIELDS` that vary by channel.
    constants : dict of str to int
        ``residual_gain`` and ``slope_positive`` where one value serves all channels.
    scalars : dict of str to int
        ``gain_shift``, ``slope_shift`` (the shifts themselves, not indices), ``double``,
        ``offset`` (K for XNOR: padding bits are the scheduler's), ``bits_from_out``; the stem's
        and the real embeddings' ``sum_shift`` (bits dropped from the sum of products, which
        then is the residual: these layers have no ``gain``).
    position : int16 array (tokens, outputs) or None
        Main operand of the stem and the patch embeddings (the class token's row is the token).
    matrix : int8 array (outputs, fan-in) or None
        Real weights: stem, real embeddings, classifier.
    bias : int32 array (outputs,) or None
        The classifier's.
    """

    name: str
    inputs: int
    outputs: int
    weight: np.ndarray | None = None
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    scalars: dict[str, int] = field(default_factory=dict)
    position: np.ndarray | None = None
    matrix: np.ndarray | None = None
    bias: np.ndarray | None = None

    def full(self, name: str) -> np.ndarray:
        """A parameter as an int16 array (outputs,), constants and absent fields expanded."""
        if name in self.parameters:
            return self.parameters[name]
        return np.full(self.outputs, self.constants.get(name, 0), np.int16)

    @cached_property
    def signs(self) -> np.ndarray:
        """The binary weight as int8 +-1, (outputs, K)."""
        return unpack_bits(self.weight, self.inputs)


@dataclass(frozen=True, eq=False)
class PackedBlock:
    """Scalars of a block.

    Parameters
    ----------
    heads, reduction, channels, hidden, side, tokens, keys : int
        h, r, C, I, tokens a side, N, M.
    grid_shift : int
        Shift of the r x r mean (0 with r == 1).
    exp : int32 array (exp_entries,)
        The stage's table.
    index_base, scale, scale_shift : int
        As in the attention arithmetic.
    fractions : dict of str to int
        Fraction bits by tensor, without the block's prefix (``x``, ``x1``, ``attention.q``, ...).
    """

    name: str
    heads: int
    reduction: int
    channels: int
    hidden: int
    side: int
    tokens: int
    keys: int
    grid_shift: int
    exp: np.ndarray
    index_base: int
    scale: int
    scale_shift: int
    fractions: dict[str, int]

    @property
    def head_width(self) -> int:
        """Channels of a head, d."""
        return self.channels // self.heads

    @property
    def pool(self) -> int:
        """Adjacent channels of f that a channel of pf averages, m = I / C."""
        return self.hidden // self.channels


@dataclass(frozen=True, eq=False)
class PackedBranch:
    """The pooled branches of a block.

    Parameters
    ----------
    parameters : dict of str to int16 array (channels,)
        All of :data:`hw.spec.numerics.BRANCH_FIELDS`.
    slope_shift : int
        Fraction bits of the gains (the shift itself).
    """

    parameters: dict[str, np.ndarray]
    slope_shift: int


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the model's input: short side to `size`, centre crop to `crop`."""

    size: int
    crop: int
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    deviation: tuple[float, float, float] = (0.229, 0.224, 0.225)


@dataclass(frozen=True, eq=False)
class PackedNetwork:
    """A whole model in integers, as the packed image holds it.

    Parameters
    ----------
    model : Shape
        Sizes.
    layers, blocks, branches : dict by name
        See the module's table; `branches` is empty without pooled branches.
    scalars : dict of str to number
        ``head_shift`` (GRID shift of the mean over tokens; class token: absent) and
        ``logit_scale`` (float logits = integer logits * logit_scale).
    fractions : dict of str to int
        Fraction bits of every value tensor by its full trace name.  A channel that
        :mod:`sw.compiler.equalise` scaled has as many more as its exponent, which only the
        compiler knows: no result needs it.
    saturation : dict of str to float
        Share of elements that saturation clipped on the calibration pictures, by value (named as
        in :mod:`sw.capability.intervals`), those above 0 only.
    """

    model: Shape
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    layers: dict[str, PackedLayer]
    blocks: dict[str, PackedBlock]
    branches: dict[str, PackedBranch]
    scalars: dict[str, float]
    fractions: dict[str, int]
    saturation: dict[str, float] = field(default_factory=dict)

    def layer(self, name: str) -> PackedLayer:
        """A layer by its full name, for example ``stage1.block0.query``."""
        return _find(self.layers, name, "layer")

    def block(self, stage: int, block: int) -> PackedBlock:
        """Scalars of `block` (from 0) of `stage` (from 1)."""
        return _find(self.blocks, block_name(stage, block), "block")

    def branch(self, name: str) -> PackedBranch:
        """The pooled branches of a block, for example ``stage1.block0``."""
        return _find(self.branches, name, "pooled branches of block")


def _find(items: dict, name: str, kind: str):
    if name not in items:
        raise KeyError(f"no {kind} {name!r}; there are {', '.join(items) or 'none'}")
    return items[name]
