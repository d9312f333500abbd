"""The packed image: a safetensors file with integer tensors and JSON metadata.

Layer and block names are those of :mod:`sw.compiler.packed`.

Tensors (all little-endian integers)
------------------------------------
``<layer>.weight``
    int64, shape (outputs, ceil(K/64)): sign bits of a binary layer, input channel i in bit i%64
    of word i//64; 1 is +1; padding bits are 0.
``<layer>.<field>``
    int16, shape (outputs,): one array for each of :data:`hw.spec.numerics.PARAMETER_FIELDS` that
    varies by channel; those that do not are the layer's constants.
``<block>.branch.<field>``
    int16, shape (channels,): :data:`hw.spec.numerics.BRANCH_FIELDS`.
``stage<i>.exp``
    int32, shape (exp_entries,), non-decreasing, in EXP.
``<layer>.matrix``
    int8, shape (outputs, fan-in): the stem's, real patch embeddings', the classifier's weight,
    fan-in ordered (kernel row, kernel column, channel).
``classifier.bias``
    int32, shape (classes,).
``<layer>.position``
    int16, shape (tokens, channels), in the fraction of the stage's x.

Real layers, in words
---------------------
Stem: ``s = saturate_VALUE(round(sum of matrix*(pixel - 128), sum_shift))``, then the post-processor
with no sum, residual = s and main = position.  Real embedding: the norm layer's y (no sum, residual
x) saturated to NORMED, then the same over 2x2 tokens.  Head: mean = GRID over all tokens (token 0
with a class token), y by the ``head`` layer (no sum, residual the mean),
``logits = matrix @ y + bias`` in LOGIT.

Metadata (strings)
------------------
``version``, ``contract`` (digest); JSON: ``model`` (sizes), ``layers`` (by layer: ``inputs``,
``outputs``, ``constants``, ``scalars``), ``blocks`` (by block: its scalars), ``branches`` (by
block: slope_shift), ``scalars`` (head_shift, logit_scale), ``fractions`` (bits by tensor),
``saturation`` (measured share by tensor), ``preprocessing`` (size, crop, mean, deviation),
``classes`` (list).  ``checksum``: SHA-256 (hex) over everything else, see
:func:`sw.compiler.pack.checksum`.
"""

from __future__ import annotations

from hw.spec.numerics import Format

VERSION = 1
"""Version of this layout."""

METADATA = (
    "version",
    "contract",
    "model",
    "layers",
    "blocks",
    "branches",
    "scalars",
    "fractions",
    "saturation",
    "preprocessing",
    "classes",
    "checksum",
)
"""Keys that every packed image has."""

SUFFIX = ".bvit"
"""File name suffix of packed images."""

PIXEL = Format(8, True, "pixel - 128: the top bit of an 8-bit pixel flipped")
MATRIX = Format(8, True, "real weights: two to a parameter word and lane")
NORMED = Format(8, True, "normed values before a real patch embedding: one multiplier of 8 bits")
LOGIT = Format(32, True, "logits: a word of the host")
