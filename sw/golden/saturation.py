"""Saturation measured: what golden clips on pictures, by value."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from sw.compiler.packed import PackedNetwork
from sw.golden.clipping import Counts, counting
from sw.golden.network import run


def measure_saturation(packed: PackedNetwork, images: Tensor) -> Counts:
    """Clipped and formed elements over uint8 pictures (N, H, W, 3), of every value that saturates.

    Names are those of :func:`sw.capability.intervals.intervals`.
    """
    with counting() as counts:
        run(packed, images)
    return counts


def with_saturation(packed: PackedNetwork, images: Tensor) -> PackedNetwork:
    """The same network with the measured shares recorded, those above 0 only."""
    counts = measure_saturation(packed, images)
    shares = {name: count.share for name, count in sorted(counts.items()) if count.outside}
    return replace(packed, saturation=shares)
