"""The integer operations, one short pure function each.

Values are int32 tensors whose last axis is the channel; bits are bool tensors.  int32 arithmetic
is used only where the operands at hand prove that nothing wraps, else int64.  Signed sums are
float32 matrix products of small integers, exact because every partial sum stays below 2**24.

Where a result is a value tensor, `value` is the format that it saturates to: VALUE in the hardware,
a narrower one to see what that would cost.  `name` is what the result is called where someone
counts what saturation clips (:mod:`sw.golden.clipping`); it changes nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hw.spec.numerics import (
    EXP,
    PRE,
    PRE_DROP,
    PRE_FRACTION,
    SUM,
    TAP_SUM,
    VALUE,
    Format,
)
from sw.golden.clipping import observe

EXACT_FLOAT32 = 1 << 24
"""Integers up to here, and sums of them that stay below, are exact in float32."""
INT32_LIMIT = 1 << 31


class RangeError(ArithmeticError):
    """A tensor holds a value outside its format."""


def check(name: str, tensor: Tensor, form: Format) -> Tensor:
    """`tensor` itself, once every element is known to lie in `form`.

    Raises
    ------
    RangeError
        Naming the tensor, the extremes and the format.
    """
    if tensor.numel():
        low, high = (int(v) for v in torch.aminmax(tensor))
        if low < form.low or high > form.high:
            raise RangeError(
                f"{name}: {low}..{high} is outside {form.low}..{form.high} "
                f"({form.bits} bits: {form.reason})"
            )
    return tensor


def magnitude(tensor: Tensor | int) -> int:
    """Greatest absolute value, 0 if empty."""
    if isinstance(tensor, int):
        return abs(tensor)
    if not tensor.numel():
        return 0
    low, high = (int(v) for v in torch.aminmax(tensor))
    return max(-low, high)


def saturate(a: Tensor, form: Format, name: str | None = None) -> Tensor:
    """Clamps to `form`; int32 (every format fits)."""
    observe(name, a, form)
    return a.clamp(form.low, form.high).to(torch.int32)


def drop(a: Tensor, n: int) -> Tensor:
    """Round half up: ``floor((a + 2**(n-1)) / 2**n)``, ``a`` itself for n = 0."""
    return a if n == 0 else (a + (1 << (n - 1))) >> n


def signed_sum(bits: Tensor, signs: Tensor) -> Tensor:
    """Signed sum s of +-1 bits times signs: (..., K) x (outputs, K) -> (..., outputs).

    Computed as ``bits @ (2*signs).T - sum(signs)``: half the work of forming +-1 inputs.
    """
    k = signs.shape[1]
    if 4 * k >= EXACT_FLOAT32:
        raise RangeError(f"signed_sum: K={k} is too wide for exact float32 sums")
    offset = -signs.sum(1, dtype=torch.int32).float()
    flat = bits.reshape(-1, k).float()
    s = torch.addmm(offset, flat, signs.float().T, alpha=2)
    return check("s", s.to(torch.int32), SUM).view(*bits.shape[:-1], signs.shape[0])


def integer_sum(
    values: Tensor, weights: Tensor, shift: int, value: Format = VALUE, name: str | None = None
) -> Tensor:
    """Integer layers: s = saturate_VALUE(round(sum of value*weight over the last axis, shift)).

    Exact in float64 (products of at most 8 x 16 bits and K <= 2**20).
    """
    bound = magnitude(values) * int(weights.to(torch.int64).abs().sum(1).max())
    exact = torch.float32 if bound < EXACT_FLOAT32 else torch.float64
    acc = values.to(exact) @ weights.to(exact).T
    return saturate(drop(acc.to(torch.int64), shift), value, name)


def pre_activation(
    s: Tensor | None,
    gain: Tensor,
    gain_shift: int,
    residual: Tensor | None,
    residual_gain: Tensor,
    bias: Tensor,
    name: str | None = None,
) -> Tensor:
    """``v = saturate_PRE(round((s*gain << shift) + residual*residual_gain, 9) + (bias << 2))``.

    The rounding constant and the bias enter before the shift, where they are exact:
    ``floor((a + 256) / 512) + 4*b == floor((a + 256 + 2048*b) / 512)``.
    """
    base = (bias.to(torch.int64) << (PRE_FRACTION + PRE_DROP)) + (1 << (PRE_DROP - 1))
    scaled = gain.to(torch.int64) << gain_shift
    bound = magnitude(base)
    if s is not None:
        bound += magnitude(s) * magnitude(scaled)
    if residual is not None:
        bound += magnitude(residual) * magnitude(residual_gain)
    kind = torch.int32 if bound < INT32_LIMIT else torch.int64
    total = base.to(kind)
    if s is not None:
        total = torch.addcmul(total, s.to(kind), scaled.to(kind))
    if residual is not None:
        total = torch.addcmul(total, residual.to(kind), residual_gain.to(kind))
    return saturate(total >> PRE_DROP, PRE, name)


def activation(
    v: Tensor,
    slope_positive: Tensor,
    slope_negative: Tensor,
    offset: Tensor,
    slope_shift: int,
    value: Format = VALUE,
    name: str | None = None,
) -> Tensor:
    """``y = saturate_VALUE(round(v*slope, slope_shift + 2) + offset)``, slope by v's sign."""
    shift = slope_shift + PRE_FRACTION
    bound = magnitude(v) * max(magnitude(slope_positive), magnitude(slope_negative)) + (1 << shift)
    kind = torch.int32 if bound < INT32_LIMIT else torch.int64
    v = v.to(kind)
    product = v.clamp(min=0).mul_(slope_positive.to(kind))
    product.addcmul_(v.clamp(max=0), slope_negative.to(kind))
    return saturate(drop(product, shift).add_(offset), value, name)


def add_main(y: Tensor, main: Tensor, value: Format = VALUE, name: str | None = None) -> Tensor:
    """Computes out = saturate_VALUE(y + main)."""
    total = y + main
    observe(name, total, value)
    return total.clamp_(value.low, value.high)


def channel_pool(y: Tensor, m: int) -> Tensor:
    """round(sum of m adjacent channels, p), p = ceil(log2 m): (..., I) -> (..., I / m)."""
    if m == 1:
        return y
    grouped = y.view(*y.shape[:-1], -1, m)
    total = grouped.sum(-1, dtype=torch.int32)
    return check("pooled", drop(total, (m - 1).bit_length()), VALUE)


def grid_mean(
    x: Tensor, side: int, r: int, shift: int, value: Format = VALUE, name: str | None = None
) -> Tensor:
    """Mean of r x r windows of the token grid: (B, side**2, C) -> (B, (side//r)**2, C)."""
    b, _, c = x.shape
    small = side // r
    windows = x.reshape(b, small, r, small, r, c).sum((2, 4), dtype=torch.int32)
    return saturate(drop(windows, shift), value, name).view(b, small * small, c)


def upsample(x: Tensor, side: int, r: int) -> Tensor:
    """Nearest neighbour: (B, (side//r)**2, C) -> (B, side**2, C)."""
    b, _, c = x.shape
    small = side // r
    grid = x.view(b, small, 1, small, 1, c).expand(b, small, r, small, r, c)
    return grid.reshape(b, side * side, c)


def tap_sum(x: Tensor, axis: int, taps: int, name: str | None = None) -> Tensor:
    """saturate_TAP_SUM(sum of `taps` neighbours along `axis`, those that exist)."""
    length, reach = x.shape[axis], taps // 2
    total = x.clone()
    for step in range(1, min(reach, length - 1) + 1):
        span = length - step
        total.narrow(axis, 0, span).add_(x.narrow(axis, step, span))
        total.narrow(axis, step, span).add_(x.narrow(axis, 0, span))
    return saturate(total, TAP_SUM, name)


def missing_taps(length: int, taps: int) -> Tensor:
    """Taps outside a line of `length` tokens at each position: int32 (length,)."""
    position, reach = torch.arange(length, dtype=torch.int32), taps // 2
    return (reach - position).clamp(min=0) + (position + reach - (length - 1)).clamp(min=0)


def branch(
    total: Tensor,
    missing: Tensor,
    gain: Tensor,
    constant: Tensor,
    loss: Tensor,
    slope_shift: int,
    value: Format = VALUE,
    name: str | None = None,
) -> Tensor:
    """saturate_VALUE(round(G*S, slope_shift) + constant - missing*loss)."""
    bound = magnitude(total) * magnitude(gain) + (1 << slope_shift)
    kind = torch.int32 if bound < INT32_LIMIT else torch.int64
    scaled = drop(total.to(kind) * gain.to(kind), slope_shift)
    return saturate(scaled + (constant - missing * loss), value, name)


def population(q: Tensor, k: Tensor) -> Tensor:
    """Equal bits of every query and key: (..., N, d) x (..., M, d) -> int32 (..., N, M)."""
    d = q.shape[-1]
    dot = (2 * q.float() - 1) @ (2 * k.float() - 1).transpose(-1, -2)
    return dot.add_(d).mul_(0.5).to(torch.int32)


def attention_bits(
    pop: Tensor, table: Tensor, index_base: int, scale: int, scale_shift: int
) -> Tensor:
    """``bit = E[index] > min((scale * sum of E) >> scale_shift, 2**24)``, a row of keys each."""
    index = (pop - index_base).clamp_(0, table.numel() - 1)
    e = check("exp", table, EXP)[index]
    total = e.sum(-1, keepdim=True, dtype=torch.int64)
    if total.numel() and scale * int(total.max()) >= 1 << 63:
        raise RangeError(f"attention: scale {scale} times a row sum exceeds 63 bits")
    limit = ((total * scale) >> scale_shift).clamp(max=1 << EXP.bits).to(torch.int32)
    return e > limit


def attended_sum(bits: Tensor, values: Tensor) -> Tensor:
    """Sum over keys of bit * (+-1 value): (..., N, M) x (..., M, d) bools -> (..., N, d)."""
    if bits.shape[-1] >= EXACT_FLOAT32:
        raise RangeError(f"attended_sum: {bits.shape[-1]} keys are too many for exact sums")
    s = bits.float() @ (2 * values.float() - 1)
    return check("s", s.to(torch.int32), SUM)
