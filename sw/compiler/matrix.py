"""Integer matrices of real layers (stem, real patch embeddings), and how their sum is scaled.

Row o of the weight is ``matrix_o * scale_o`` with ``scale_o = max |w_o| / 127``, or the unit that
:mod:`sw.compiler.rounding` chose.  The sum of
products drops sum_shift bits; what is left, s, is a VALUE.  One count of s is worth ``count =
scale_o * 2**(sum_shift - f_operand)``, and ``residual_gain = g * count * 2**(f_pre + 11)``.

sum_shift is the least with which no operands at all can saturate s (interval arithmetic), so s
keeps as many bits as that allows; f_pre is low enough for the gain to fit PARAMETER.  The half
count that s is off, times a gain below 2**15, and the half unit that the gain is off, times an s
below 2**15, are then at most 8 units of the pre-activation each: 1/4096 of its range.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hw.spec.image import MATRIX, NORMED, PIXEL
from hw.spec.numerics import VALUE, Format
from sw.compiler.folded import FoldedLayer


@dataclass(frozen=True, eq=False)
class IntegerMatrix:
    """A real layer's operands.

    Parameters
    ----------
    matrix : int8 (outputs, fan-in)
    sum_shift : int
        Bits dropped from the sum of products.
    count : float64 (outputs,)
        Real value of one count of the shifted sum, by row.
    """

    matrix: Tensor
    sum_shift: int
    count: Tensor


def integer_matrix(
    layer: FoldedLayer, groups: dict[str, int], value: Format = VALUE
) -> IntegerMatrix:
    """The matrix of a real layer whose operand has the fraction ``groups[layer.residual]``.

    Its shifted sum fits `value`.
    """
    row = layer.weight.abs().amax(1)
    scale = torch.where(row > 0, row, 1.0) / MATRIX.high if layer.unit is None else layer.unit
    matrix = torch.floor(layer.weight / scale[:, None] + 0.5)
    operand, fraction = (NORMED, groups[layer.residual]) if layer.residual else (PIXEL, 0)
    bound = int(matrix.abs().sum(1).max()) * -operand.low
    shift = 0
    while (bound + (1 << shift >> 1)) >> shift > value.high:
        shift += 1
    return IntegerMatrix(matrix.to(torch.int8), shift, scale * 2.0 ** (shift - fraction))
