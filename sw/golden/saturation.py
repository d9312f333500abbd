"""Saturation measured: the share of elements at the ends of VALUE, by traced tensor."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from hw.spec.numerics import VALUE
from sw.compiler.packed import PackedNetwork
from sw.golden.network import run


def measure_saturation(packed: PackedNetwork, images: Tensor) -> dict[str, float]:
    """Share of saturated elements over uint8 pictures (N, H, W, 3), tensors above 0 only."""
    counts: dict[str, list[int]] = {}
    for part in images.split(8):
        trace: dict[str, Tensor] = {}
        run(packed, part, trace)
        for name in packed.fractions.keys() & trace.keys():
            at_end = (trace[name] == VALUE.high) | (trace[name] == VALUE.low)
            count = counts.setdefault(name, [0, 0])
            count[0] += int(torch.count_nonzero(at_end))
            count[1] += at_end.numel()
    return {name: hit / total for name, (hit, total) in sorted(counts.items()) if hit}


def with_saturation(packed: PackedNetwork, images: Tensor) -> PackedNetwork:
    """The same network with the measured saturation recorded."""
    return replace(packed, saturation=measure_saturation(packed, images))
