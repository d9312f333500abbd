"""A packed layer as tensors, and its post-processing."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from hw.spec.numerics import PARAMETER_FIELDS, VALUE, Format
from sw.compiler.packed import PackedLayer
from sw.golden import ops


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer's operands: int32 (outputs,) parameters, int8 signs or matrix (outputs, K).

    Its results saturate to `value`.
    """

    name: str
    gain: Tensor
    residual_gain: Tensor
    bias: Tensor
    slope_positive: Tensor
    slope_negative: Tensor
    offset_out: Tensor
    threshold0: Tensor
    threshold1: Tensor
    threshold2: Tensor
    gain_shift: int
    slope_shift: int
    sum_shift: int
    signs: Tensor | None
    matrix: Tensor | None
    position: Tensor | None
    value: Format

    def post(self, s: Tensor | None, residual: Tensor | None, name: str | None = None) -> Tensor:
        """``y`` of the signed sum and the residual, both (..., outputs).

        `name` is y's in the trace, where it has one.
        """
        v = ops.pre_activation(
            s,
            self.gain,
            self.gain_shift,
            residual,
            self.residual_gain,
            self.bias,
            f"{self.name}: v",
        )
        return ops.activation(
            v,
            self.slope_positive,
            self.slope_negative,
            self.offset_out,
            self.slope_shift,
            self.value,
            name or f"{self.name}: y",
        )

    def linear(self, bits: Tensor, residual: Tensor, name: str | None = None) -> Tensor:
        """``y`` of a binary layer: (..., K) bits and (..., outputs) residual."""
        return self.post(ops.signed_sum(bits, self.signs), residual, name)

    def integer(self, operand: Tensor) -> Tensor:
        """``y`` of an integer layer, whose sum of products is the residual: (..., fan-in)."""
        s = ops.integer_sum(
            operand, self.matrix, self.sum_shift, self.value, name=f"{self.name}: s"
        )
        return self.post(None, s)

    def bits(self, value: Tensor, which: int = 0) -> Tensor:
        """``value >=`` threshold `which`."""
        return value >= (self.threshold0, self.threshold1, self.threshold2)[which]


_CACHE: WeakKeyDictionary[PackedLayer, Layer] = WeakKeyDictionary()


def as_layer(packed: PackedLayer, value: Format = VALUE) -> Layer:
    """The tensors of `packed`, made once."""
    if packed not in _CACHE or _CACHE[packed].value != value:
        fields = {
            name: torch.from_numpy(packed.full(name).astype("i4")) for name in PARAMETER_FIELDS
        }
        _CACHE[packed] = Layer(
            name=packed.name,
            gain_shift=packed.scalars.get("gain_shift", 0),
            slope_shift=packed.scalars.get("slope_shift", 8),
            sum_shift=packed.scalars.get("sum_shift", 0),
            signs=None if packed.weight is None else torch.from_numpy(packed.signs),
            matrix=_tensor(packed.matrix),
            position=None if packed.position is None else _tensor(packed.position.astype("i4")),
            value=value,
            **fields,
        )
    return _CACHE[packed]


def _tensor(array) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)
