"""The packed image: a safetensors file with integer tensors and JSON metadata.

Tensors (all little-endian integers)
------------------------------------
``<layer>.weight``
    int64, shape (outputs, ceil(K/64)): sign bits of a binary layer, input channel i in bit i%64
    of word i//64; 1 is +1; padding bits are 0.
``<layer>.<field>``
    int16, shape (outputs,): one array for each of :data:`hw.spec.numerics.PARAMETER_FIELDS` that
    the layer carries.
``<block>.branch.<field>``
    int16, shape (channels,): :data:`hw.spec.numerics.BRANCH_FIELDS`.
``<stage>.exp``
    int32, shape (exp_entries,).
``stem.weight``, ``classifier.weight``
    int8 matrices (outputs, fan-in); ``classifier.bias`` int32; ``<layer>.position`` int16,
    shape (tokens, channels).

Metadata (strings): ``version``, ``contract``, ``model`` (JSON: sizes), ``layers`` (JSON: a dict of
scalar fields a layer: shifts, offsets, fractions, constants), ``preprocessing`` (JSON: size, crop,
mean, deviation), ``classes`` (JSON list).
"""

from __future__ import annotations

VERSION = 1
"""Version of this layout."""

METADATA = ("version", "contract", "model", "layers", "preprocessing", "classes")
"""Keys that every packed image has."""

SUFFIX = ".bvit"
"""File name suffix of packed images."""
