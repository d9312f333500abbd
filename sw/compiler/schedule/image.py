"""What the scheduler needs of one block, and how its tensors lie in memory words."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCH_FIELDS, GAIN_SHIFTS, PARAMETER_FIELDS, SLOPE_SHIFTS
from sw.compiler.packed import PackedLayer, PackedNetwork


@dataclass(frozen=True)
class LayerImage:
    """One layer of a block.

    Attributes
    ----------
    weight : ndarray of uint64, shape (outputs, ceil(K/64)), or None
        Sign bits.
    inputs : int
        K.
    outputs : int
        Output channels.
    parameters : dict of int16 arrays, shape (outputs,)
        The PARAMETER_FIELDS that it carries.
    constants : dict of int
        ``residual_gain`` and ``slope_positive`` where not carried.
    gain_shift, slope_shift : int
        Indices into GAIN_SHIFTS and SLOPE_SHIFTS.
    """

    weight: np.ndarray | None
    inputs: int
    outputs: int
    parameters: dict[str, np.ndarray]
    constants: dict[str, int] = field(default_factory=dict)
    gain_shift: int = 0
    slope_shift: int = 0

    @property
    def fields_mask(self) -> int:
        """The command's parameter_fields."""
        return sum(1 << i for i, name in enumerate(PARAMETER_FIELDS) if name in self.parameters)

    @property
    def field_count(self) -> int:
        """Parameter words a group."""
        return sum(name in self.parameters for name in PARAMETER_FIELDS)

    @property
    def sets(self) -> int:
        """Threshold sets."""
        return sum(f"threshold{i}" in self.parameters for i in range(3))


@dataclass(frozen=True)
class BlockImage:
    """One block: sizes, layers by name (``query``), attention and branch constants.

    Attributes
    ----------
    height, width : int
        Token grid; its tokens are row-major.
    channels, hidden, heads, reduction : int
        C, I, h, r.
    layers : dict
        ``pass`` (thresholds of x: query[, key, value]), ``pass_pooled``,
        ``reduction`` (r > 1), ``key``, ``value``,
        ``query``, ``context``, ``output``, ``hidden``,
        ``ffn``.
    branch : dict or None
        BRANCH_FIELDS int16 arrays.
    branch_slope_shift, grid_shift : int
        Command fields of BRANCH and GRID.
    exp : ndarray of int32, shape (entries,)
    index_base, scale, scale_shift : int
        Command fields of SCORE.
    """

    height: int
    width: int
    channels: int
    hidden: int
    heads: int
    reduction: int
    layers: dict[str, LayerImage]
    branch: dict[str, np.ndarray] | None
    branch_slope_shift: int
    grid_shift: int
    exp: np.ndarray
    index_base: int
    scale: int
    scale_shift: int

    @property
    def tokens(self) -> int:
        """N."""
        return self.height * self.width

    @property
    def pooled_height(self) -> int:
        """Rows of the reduced grid."""
        return self.height // self.reduction

    @property
    def pooled_width(self) -> int:
        """Columns of the reduced grid."""
        return self.width // self.reduction

    @property
    def keys(self) -> int:
        """M."""
        return self.pooled_height * self.pooled_width


def execution_groups(outputs: int, lanes: int, inner: int) -> list[int]:
    """Channel groups in execution order: outer, then `inner` groups `outer_count` apart."""
    outer = outputs // lanes // inner
    return [o + i * outer for o in range(outer) for i in range(inner)]


def weight_words(layer: LayerImage, groups: list[int], c: Configuration) -> np.ndarray:
    """Column-memory words of some channel groups.

    Returns
    -------
    ndarray of uint64, shape (words, columns)
        Group, word of K, column tile; one 64-bit word a column.
    """
    k_words = layer.weight.shape[1]
    blocks = layer.weight.reshape(-1, c.group_tiles, c.columns, k_words)[groups]
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 2)).reshape(-1, c.columns)


def parameter_words(layer: LayerImage, groups: list[int], c: Configuration) -> np.ndarray:
    """Parameter-memory words of some channel groups: int16, shape (words, lanes)."""
    names = [name for name in PARAMETER_FIELDS if name in layer.parameters]
    stacked = np.stack(
        [layer.parameters[n].astype(np.int16).reshape(-1, c.lanes) for n in names], axis=1
    )
    return stacked[groups].reshape(-1, c.lanes)


def branch_words(block: BlockImage, c: Configuration) -> np.ndarray:
    """Parameter words of BRANCH: int16, shape (C/lanes * 12, lanes)."""
    stacked = np.stack(
        [block.branch[n].astype(np.int16).reshape(-1, c.lanes) for n in BRANCH_FIELDS], axis=1
    )
    return stacked.reshape(-1, c.lanes)


def block_image(packed: PackedNetwork, stage: int, block: int) -> BlockImage:
    """What the scheduler needs of one block of a packed network.

    Raises
    ------
    KeyError
        For a block that the network does not have.
    """
    config = packed.block(stage, block)
    prefix = f"{config.name}."
    layers = {
        name.removeprefix(prefix): layer_image(layer)
        for name, layer in packed.layers.items()
        if name.startswith(prefix)
    }
    branch = packed.branches.get(config.name)
    grid = config.tokens == config.side**2
    return BlockImage(
        height=config.side if grid else 1,
        width=config.side if grid else config.tokens,
        channels=config.channels,
        hidden=config.hidden,
        heads=config.heads,
        reduction=config.reduction,
        layers=layers,
        branch=branch.parameters if branch else None,
        branch_slope_shift=SLOPE_SHIFTS.index(branch.slope_shift) if branch else 0,
        grid_shift=config.grid_shift,
        exp=config.exp,
        index_base=config.index_base,
        scale=config.scale,
        scale_shift=config.scale_shift,
    )


def layer_image(layer: PackedLayer) -> LayerImage:
    """What the scheduler needs of one layer."""
    weight = None if layer.weight is None else layer.weight.view(np.uint64)
    return LayerImage(
        weight,
        layer.inputs,
        layer.outputs,
        layer.parameters,
        layer.constants,
        GAIN_SHIFTS.index(layer.scalars.get("gain_shift", GAIN_SHIFTS[0])),
        SLOPE_SHIFTS.index(layer.scalars.get("slope_shift", SLOPE_SHIFTS[0])),
    )
