"""Number formats and the integer arithmetic of the accelerator, in words.

Declarations only.  Two independent implementations follow them: ``sw.golden`` and the gateware.

Rounding and saturation
-----------------------
One rule everywhere, **round half up, then saturate**: dropping ``n`` fraction bits of an integer
``a`` gives ``floor((a + 2**(n-1)) / 2**n)`` (``a`` itself for ``n = 0``); the result is clamped to
the range of the destination format.  Nothing ever wraps.

Post-processor (one output channel of one token)
------------------------------------------------
``acc`` is the array's accumulator::

    s     = (2*acc if double else acc) - offset                          SUM
    pre   = ((s*gain) << gain_shift) + residual*residual_gain            exact
    v     = saturate_PRE(round(pre, 9) + (bias << 2))                    PRE
    slope = slope_negative if v < 0 else slope_positive
    y     = saturate_VALUE(round(v*slope, slope_shift + 2) + offset_out) VALUE
    out   = saturate_VALUE(y + main)                                     VALUE
    bit_i = (out if bits_from_out else y) >= threshold_i                 one bit a set

``gain_shift`` and ``slope_shift`` are one of :data:`GAIN_SHIFTS` and :data:`SLOPE_SHIFTS`.
PASS forces ``y = 0``, AFFINE ``s = 0``.  With real values ``x = x_int * 2**-f``: a gain of ``g``
units of the pre-activation (fraction ``f_pre``) a count is
``gain = g * 2**(f_pre + 11 - gain_shift)``, a residual gain ``a`` is
``a * 2**(f_pre - f_residual) * 2**11``, bias has ``f_pre`` fraction bits, ``v`` has ``f_pre + 2``,
a slope ``k`` is ``k * 2**(f_out - f_pre) * 2**slope_shift``, ``offset_out`` and thresholds have
``f_out``.

Channel pooling of ``m`` adjacent channels, ``p = ceil(log2 m)``:
``pooled = round(sum of m y's, p)`` (it cannot overflow VALUE).  Where m is no power of two the rest
of the mean, ``2**p / m``, is in the residual gain of the layer that reads it.

Integer layers (DENSE: patch embedding of pixels, real patch embeddings): with operands and weights
of 8 bits, ``s = saturate_VALUE(round(sum of products, sum_shift))``; the post-processor then takes
``s`` as its residual (AFFINE): the gain of the sum is the layer's ``residual_gain``.

Token pooling (GRID): ``mean = saturate_VALUE(round(sum over the window, shift))``, shift even.

Pooled branch ``k`` of channel c at a token, over the taps that exist::

    S      = saturate_TAP_SUM(sum of x1 over existing taps)
    branch = saturate_VALUE(round(G*S, slope_shift) + constant - missing*loss)
    main   = saturate_VALUE(x1 + branch_h3 + branch_w3 + branch_h5 + branch_w5)

where ``missing`` counts the taps outside the picture, G folds the norm's gain, the branch's
affine and 1/k; ``constant`` folds every offset for a window inside the picture and ``loss`` is
what each missing tap takes off it (the norm's bias folded likewise).

Attention, one query of one head over M keys::

    pop_j   = number of equal bits of q and k_j (padding bits excluded)
    index_j = min(max(pop_j - index_base, 0), exp_entries - 1)
    total   = sum_j E[index_j]                                            E: unsigned 24 bit
    limit   = min((scale*total) >> scale_shift, 2**24)                    floor
    bit_j   = E[index_j] > limit

``scale * 2**-scale_shift`` is c/2 (scale unsigned 16 bit): a bit is 1 where p > c/2.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """A two's complement (or unsigned) integer format and why it has its width."""

    bits: int
    signed: bool
    reason: str

    @property
    def low(self) -> int:
        """Least representable integer."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Greatest representable integer."""
        return (1 << (self.bits - (1 if self.signed else 0))) - 1


VALUE = Format(16, True, "value tensors: residual stream, branches; power-of-two scale a tensor")
PARAMETER = Format(16, True, "per-channel parameters: eight to a 128-bit beat of the memory port")
SUM = Format(18, True, "signed sum of a group: |sum| <= 2048 for binary layers; DSP input width")
PRE = Format(18, True, "pre-activation: VALUE with two more fraction bits; DSP input width")
ACCUMULATOR = Format(16, True, "popcount accumulator: K <= 2048, or +-keys <= 4096, fits")
TAP_SUM = Format(18, True, "sum of up to five VALUEs, saturated to the DSP input width")
EXP = Format(24, False, "exp table: e**-8 to e**8 (head width 64) with 2**12 at e**0")
PROBABILITY_SCALE = Format(16, False, "attention clip c/2 as mantissa, with scale_shift")

PRE_DROP = 9
"""Fraction bits dropped from gain products: 11 of a residual gain less 2 kept in PRE."""
RESIDUAL_GAIN_FRACTION = 11
"""Fraction bits of residual_gain."""
PRE_FRACTION = 2
"""Fraction bits that PRE has beyond the bias."""
GAIN_SHIFTS = (0, 3, 6, 9)
"""Left shifts of the gain product, by the 2-bit command field gain_shift."""
SLOPE_SHIFTS = (8, 11, 14, 17)
"""Fraction bits of slopes (and of branch gains), by the 2-bit command field slope_shift."""
EXP_ONE = 12
"""log2 of the table's entry for exp(0)."""

PARAMETER_FIELDS = (
    "gain",
    "residual_gain",
    "bias",
    "slope_positive",
    "slope_negative",
    "offset_out",
    "threshold0",
    "threshold1",
    "threshold2",
)
"""Order of a group's parameter words; a command's parameter_fields mask (bit i = field i) tells
which are present.  Absent residual_gain and slope_positive take the command's constants; absent
others are 0."""

BRANCHES = ("h3", "w3", "h5", "w5")
"""The pooled branches: kernel 3x1, 1x3, 5x1, 1x5 (h: along the height)."""
BRANCH_FIELDS = tuple(f"{part}_{b}" for part in ("gain", "constant", "loss") for b in BRANCHES)
"""Order of the parameter words of one channel word of BRANCH."""
