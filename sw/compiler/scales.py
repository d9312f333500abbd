"""Scales: one power-of-two fraction a scale group and one f_pre a layer.

A group's fraction is the greatest for which its calibrated range, with headroom, fits VALUE.
A layer's f_pre is the greatest for which

1. its calibrated ``|v|``, with headroom, and its bias fit (``v`` is PRE, two bits wider);
2. ``residual_gain = a * 2**(f_pre - f_residual + 11)`` fits PARAMETER (of a real layer:
   :mod:`sw.compiler.matrix`);
3. ``gain = g * 2**(f_pre + 11 - gain_shift)`` fits at the greatest gain_shift.

Slopes ``k * 2**(f_out - f_pre + slope_shift)`` must fit at the least slope_shift, which bounds
f_out from above: fractions are lowered until every layer is content (they only fall, so this ends).
"""

from __future__ import annotations

import torch
from torch import Tensor

from hw.spec.numerics import (
    GAIN_SHIFTS,
    PARAMETER,
    RESIDUAL_GAIN_FRACTION,
    SLOPE_SHIFTS,
    VALUE,
    Format,
)
from sw.compiler.calibrate import Ranges
from sw.compiler.errors import CompileError
from sw.compiler.folded import FoldedLayer, FoldedNetwork
from sw.compiler.magnitude import fitting, largest
from sw.compiler.matrix import integer_matrix

HEADROOM = 1.25
"""Calibrated ranges are multiplied by this: other pictures reach a little further."""
GREATEST_FRACTION = 20
LEAST_FRACTION = -8


def choose_scales(
    network: FoldedNetwork, ranges: Ranges, value: Format = VALUE
) -> tuple[dict[str, int], dict[str, int]]:
    """Fractions by scale group, for values of the format `value`, and f_pre by layer.

    Raises
    ------
    CompileError
        If no fraction within -8..20 serves a group.
    """
    groups = {
        name: min(GREATEST_FRACTION, fitting(HEADROOM * magnitude, value.high))
        for name, magnitude in _wanted(network, ranges).items()
    }
    layers = [layer for layer in network.layers.values() if layer.bias is not None]
    changed = True
    while changed:
        changed, pre = False, {}
        for layer in layers:
            pre[layer.name] = _pre_fraction(layer, ranges, groups, value)
            slope = largest(layer.slope_positive, layer.slope_negative)
            ceiling = pre[layer.name] + fitting(slope, PARAMETER.high) - SLOPE_SHIFTS[0]
            if groups[layer.target] > ceiling:
                groups[layer.target], changed = ceiling, True
    for name, fraction in groups.items():
        if fraction < LEAST_FRACTION:
            raise CompileError(
                f"{name}: values reach {largest(ranges.channels[name]):.3g} or its layers' "
                f"parameters are extreme: fraction {fraction} < {LEAST_FRACTION}"
            )
    return groups, pre


def _wanted(network: FoldedNetwork, ranges: Ranges) -> dict[str, float]:
    """Magnitude that each group must hold."""
    return {name: largest(wanted) for name, wanted in wanted_channels(network, ranges).items()}


def wanted_channels(network: FoldedNetwork, ranges: Ranges) -> dict[str, Tensor]:
    """Magnitude that each channel of a group must hold, float64.

    Values, thresholds read from y, offsets, what branches add.
    """
    wanted = dict(ranges.channels)

    def hold(group: str, *tensors: Tensor) -> None:
        for tensor in tensors:
            wanted[group] = torch.maximum(wanted[group], tensor.abs())

    for layer in network.layers.values():
        if layer.bias is not None:
            own = [t.shift for t in layer.thresholds if not t.of_out]
            hold(layer.target, *own, layer.offset)
    for name, branch in network.branches.items():
        group = f"{name.split('.')[0]}.x"
        hold(group, *branch.constant.values(), *branch.loss.values())
    return wanted


def _pre_fraction(layer: FoldedLayer, ranges: Ranges, groups: dict[str, int], value: Format) -> int:
    fraction = fitting(max(HEADROOM * ranges.pre[layer.name], largest(layer.bias)), VALUE.high)
    if layer.real:
        unit = integer_matrix(layer, groups, value).count
    else:
        unit = 2.0 ** -groups[layer.residual]
    steepest = fitting(largest(layer.residual_gain * unit), PARAMETER.high)
    fraction = min(fraction, steepest - RESIDUAL_GAIN_FRACTION)
    if layer.gain is not None:
        fraction = min(
            fraction,
            GAIN_SHIFTS[-1] - RESIDUAL_GAIN_FRACTION + fitting(largest(layer.gain), PARAMETER.high),
        )
    return min(fraction, GREATEST_FRACTION)
