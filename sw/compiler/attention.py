"""Attention's integers: the exponential table and the clip.

With pop equal bits of d, the score is ``2*pop - d`` and ``E = 2**12 * exp(score / sqrt(d))``.
Only ratios of entries matter, so a table whose top would leave EXP is scaled down as a whole.
"""

from __future__ import annotations

import math

import numpy as np

from hw.spec.numerics import EXP, EXP_ONE, PROBABILITY_SCALE

GREATEST_SHIFT = 63
"""scale_shift is a 6-bit field."""


def exp_table(d: int, greatest_pop: int, entries: int) -> tuple[np.ndarray, int]:
    """The table (int32, non-decreasing) and index_base of heads of width `d`.

    While ``d <= entries`` the window ends at pop = d (pops below it share entry 0).  Wider heads
    use the window that ends at the greatest pop seen in calibration; larger pops share its top.
    """
    top = d if d <= entries else min(d, max(greatest_pop, entries - 1))
    base = max(0, top - (entries - 1))
    scores = [2 * min(base + i, d) - d for i in range(entries)]
    exponents = [score / math.sqrt(d) + EXP_ONE * math.log(2) for score in scores]
    excess = max(0.0, exponents[-1] - math.log(EXP.high))
    table = [min(EXP.high, math.floor(math.exp(e - excess) + 0.5)) for e in exponents]
    return np.array(table, np.int32), base


def clip_scale(c: float) -> tuple[int, int]:
    """The scale and scale_shift with ``scale * 2**-scale_shift == c/2`` to 16 bits.

    For c <= 0 no bit is ever 1 (p / c <= 0 rounds to at most 0): (65535, 0) makes the limit at
    least the row's sum, which no entry exceeds.
    """
    half = c / 2
    if not half > 0 or half >= PROBABILITY_SCALE.high:
        return PROBABILITY_SCALE.high, 0
    shift = min(GREATEST_SHIFT, PROBABILITY_SCALE.bits - 1 - math.floor(math.log2(half)))
    scale = math.floor(half * 2.0**shift + 0.5)
    if scale > PROBABILITY_SCALE.high:
        scale, shift = scale // 2, shift - 1
    return scale, shift
