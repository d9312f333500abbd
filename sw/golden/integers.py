"""Rounding and saturation of numpy integers."""

from __future__ import annotations

import numpy as np

from hw.spec.numerics import Format


def drop(a: np.ndarray, bits: int) -> np.ndarray:
    """Round half up: ``floor((a + 2**(bits-1)) / 2**bits)``, ``a`` itself for 0 bits."""
    return (a + (1 << bits - 1)) >> bits if bits else a


def saturate(a: np.ndarray, to: Format) -> np.ndarray:
    """Clamps to a format."""
    return np.clip(a, to.low, to.high)


def wrap(a: np.ndarray, bits: int) -> np.ndarray:
    """Two's complement of the low `bits` bits."""
    half = 1 << bits - 1
    return ((a + half) & ((1 << bits) - 1)) - half
