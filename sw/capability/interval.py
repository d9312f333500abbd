"""Interval arithmetic on integers, two bounds a channel; formulas of :mod:`hw.spec.numerics`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw.spec.numerics import PRE_DROP, PRE_FRACTION, Format


@dataclass(frozen=True, eq=False)
class Interval:
    """Least and greatest value of every channel: int64 arrays (channels,)."""

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def symmetric(cls, bound: int | np.ndarray, channels: int) -> Interval:
        """From -bound to bound."""
        high = np.broadcast_to(np.asarray(bound, np.int64), (channels,))
        return cls(-high, high)

    def __add__(self, other: Interval | np.ndarray | int) -> Interval:
        if isinstance(other, Interval):
            return Interval(self.low + other.low, self.high + other.high)
        return Interval(self.low + other, self.high + other)

    def __mul__(self, factor: np.ndarray | int) -> Interval:
        ends = self.low * factor, self.high * factor
        return Interval(np.minimum(*ends), np.maximum(*ends))

    def hull(self, other: Interval) -> Interval:
        """Least interval that holds both."""
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def drop(self, n: int) -> Interval:
        """Rounds half up, dropping n bits; rounding keeps the order."""
        half = (1 << n) >> 1
        return Interval((self.low + half) >> n, (self.high + half) >> n)

    def saturate(self, form: Format) -> Interval:
        """What is left of it in a format."""
        return Interval(self.low.clip(form.low, form.high), self.high.clip(form.low, form.high))

    def tile(self, times: int) -> Interval:
        """The channels, `times` over."""
        return Interval(np.tile(self.low, times), np.tile(self.high, times))

    def pool(self, m: int) -> Interval:
        """Sums of m adjacent channels."""
        return Interval(self.low.reshape(-1, m).sum(1), self.high.reshape(-1, m).sum(1))


def pre_activation(
    total: Interval | None,
    gain: np.ndarray,
    gain_shift: int,
    residual: Interval,
    residual_gain: np.ndarray,
    bias: np.ndarray,
) -> Interval:
    """v before its saturation."""
    pre = residual * residual_gain
    if total is not None:
        pre += total * (gain << gain_shift)
    return pre.drop(PRE_DROP) + (bias << PRE_FRACTION)


def activation(
    v: Interval, positive: np.ndarray, negative: np.ndarray, offset: np.ndarray, slope_shift: int
) -> Interval:
    """y before its saturation: two straight pieces that meet at 0, so the ends and 0 decide."""
    below = Interval(v.low.clip(max=0), v.high.clip(max=0)) * negative
    above = Interval(v.low.clip(min=0), v.high.clip(min=0)) * positive
    # A piece that v never enters is the single point 0 only where v ends there.
    never_below, never_above = v.low >= 0, v.high < 0
    pieces = Interval(
        np.where(never_below, above.low, np.where(never_above, below.low,
                                                  np.minimum(below.low, above.low))),
        np.where(never_below, above.high, np.where(never_above, below.high,
                                                   np.maximum(below.high, above.high))),
    )  # fmt: skip
    return pieces.drop(slope_shift + PRE_FRACTION) + offset
