"""The folded network: real parameters of the hardware's formulas, before any rounding."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from sw.compiler.packed import Preprocessing, Shape


@dataclass(frozen=True, eq=False)
class Threshold:
    """One bit a channel: the model's bit is ``scale*value + shift >= 0``.

    Parameters
    ----------
    bits : str
        Name of the bit tensor.
    scale, shift : float64 (C,)
    inverted : bool (C,)
        The stored bit is NOT the model's: the direction is ``<=`` (or the bit constantly false),
        and the consumer's weights are negated.
    of_out : bool
        The value is the layer's out, not its y.
    """

    bits: str
    scale: Tensor
    shift: Tensor
    inverted: Tensor
    of_out: bool = False


@dataclass(frozen=True, eq=False)
class FoldedLayer:
    """``v = gain*s + residual_gain*residual + bias``; ``y = slope(v)*v + offset``; out = y + main.

    A real layer's residual is its matrix product.

    Parameters
    ----------
    weight : float64 (O, K) or None
        +-1, or real where `real`.
    gain, residual_gain, bias, slope_positive, slope_negative, offset : float64 (O,)
        `gain` is None without a sum, `residual_gain` without a residual.
    residual, target : str
        Scale groups (tensors that share one fraction) of the residual and of y and out; of a
        real layer `residual` is the group of what its matrix reads, empty for pixels.
    input_bits : str
        Name of the consumed bit tensor (binary layers).
    unit : float64 (O,) or None
        Of a real layer: the weight's rows are 8-bit integers times it; None if not yet rounded.
    position : float64 (tokens, O) or None
    """

    name: str
    target: str
    weight: Tensor | None = None
    real: bool = False
    gain: Tensor | None = None
    residual_gain: Tensor | None = None
    bias: Tensor | None = None
    slope_positive: Tensor | None = None
    slope_negative: Tensor | None = None
    offset: Tensor | None = None
    residual: str = ""
    input_bits: str = ""
    thresholds: tuple[Threshold, ...] = ()
    unit: Tensor | None = None
    position: Tensor | None = None

    @property
    def outputs(self) -> int:
        """Output channels; of a pass, the channels that it compares."""
        return (self.thresholds[0].shift if self.bias is None else self.bias).numel()


@dataclass(frozen=True, eq=False)
class FoldedBranch:
    """``branch = gain*S + constant - missing*loss`` by branch name, each float64 (C,)."""

    gain: dict[str, Tensor]
    constant: dict[str, Tensor]
    loss: dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class FoldedNetwork:
    """A network of folded layers (names as in :mod:`sw.compiler.packed`).

    Parameters
    ----------
    clips : dict of str to float
        c of each block's attention.
    classifier_weight, classifier_bias : float64 (classes, C), (classes,)
    """

    shape: Shape
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    layers: dict[str, FoldedLayer]
    branches: dict[str, FoldedBranch]
    clips: dict[str, float]
    classifier_weight: Tensor
    classifier_bias: Tensor
    notes: tuple[str, ...] = field(default=())
