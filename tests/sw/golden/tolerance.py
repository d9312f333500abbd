"""How far a golden tensor may lie from the float one, in units of its last place, by channel.

A layer whose bits are forced equal has an exact sum s.  With residual R (integer) off by e_R, each
rounded parameter off by at most half a unit, and v in PRE units (2**-9 of the exact products)::

    e_v = |s| * 2**(gain_shift-1) * 2**-9 + |R| * 2**-1 * 2**-9 + e_R * |residual_gain| * 2**-9
          + 2**-1 * 4 (bias) + 1/2 (rounding)
    e_y = (e_v * |slope| + |v| / 2) * 2**-(slope_shift+2) + 1/2 (offset) + 1/2 (rounding)
    e_out = e_y + e_main

Means: the mean of the errors plus 1/2.  A branch over k taps::

    e = (k * e_x1 * |G| + |S| / 2) * 2**-slope_shift + 1/2 + 1/2 (constant) + missing/2 (loss)
"""

from __future__ import annotations

import torch
from torch import Tensor

from hw.spec.numerics import PRE, PRE_DROP
from sw.compiler.packed import PackedLayer
from sw.golden import ops


def largest(tensor: Tensor) -> Tensor:
    """Greatest magnitude by channel, float64."""
    return tensor.double().abs().flatten(0, -2).amax(0)


def post_error(
    layer: PackedLayer,
    s: Tensor | None,
    residual: Tensor | None,
    residual_error: Tensor | float = 0.0,
) -> Tensor:
    """Error of y by channel; s and residual are golden's integers (..., outputs)."""
    full = {
        name: torch.from_numpy(layer.full(name).astype("i8")).double()
        for name in ("gain", "residual_gain", "bias", "slope_positive", "slope_negative")
    }
    unit, shift = 2.0**-PRE_DROP, layer.scalars.get("gain_shift", 0)
    e_v, v = torch.full((layer.outputs,), 2.5), 4 * full["bias"].abs()
    if s is not None:
        e_v = e_v + largest(s) * 2.0 ** (shift - 1) * unit
        v = v + largest(s) * full["gain"].abs() * 2.0**shift * unit
    if residual is not None:
        gain = full["residual_gain"].abs()
        e_v = e_v + (largest(residual) / 2 + residual_error * gain) * unit
        v = v + largest(residual) * gain * unit
    slope = torch.maximum(full["slope_positive"].abs(), full["slope_negative"].abs())
    v = v.clamp(max=PRE.high)
    return (e_v * slope + v / 2) * 2.0 ** -(layer.scalars["slope_shift"] + 2) + 1


def branch_error(gain: Tensor, taps: int, slope_shift: int, x1: Tensor, x1_error: Tensor) -> Tensor:
    """Error of one pooled branch by channel."""
    total = taps * largest(x1)
    scaled = (taps * x1_error * gain.double().abs() + total / 2) * 2.0**-slope_shift
    return scaled + 1 + taps // 2 / 2


def signs_sum(bits: Tensor, layer: PackedLayer) -> Tensor:
    """The layer's exact sums from golden's bits."""
    return ops.signed_sum(bits, torch.from_numpy(layer.signs))
