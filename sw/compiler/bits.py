"""Bits in 64-bit words: element i of a row is bit i%64 of word i//64."""

from __future__ import annotations

import numpy as np


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """Booleans (..., K) to int64 words (..., ceil(K/64)); padding bits are 0."""
    bits = np.asarray(bits, bool)
    words = -(-bits.shape[-1] // 64)
    padding = words * 64 - bits.shape[-1]
    padded = np.pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, padding)])
    octets = np.packbits(padded, axis=-1, bitorder="little")
    return np.ascontiguousarray(octets).view("<i8")


def unpack_bits(words: np.ndarray, k: int) -> np.ndarray:
    """int64 words (..., ceil(k/64)) to int8 +-1 (..., k)."""
    octets = np.ascontiguousarray(words, "<i8").view(np.uint8)
    bits = np.unpackbits(octets, axis=-1, count=k, bitorder="little")
    return bits.view(np.int8) * np.int8(2) - np.int8(1)
