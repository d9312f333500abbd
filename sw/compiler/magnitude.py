"""How large tensors are, and how far a power of two may scale them."""

from __future__ import annotations

import math

from torch import Tensor


def largest(*tensors: Tensor | None) -> float:
    """Greatest magnitude of some tensors."""
    return max((float(t.abs().max()) for t in tensors if t is not None and t.numel()), default=0.0)


def fitting(magnitude: float, limit: int) -> int:
    """Greatest n with ``magnitude * 2**n <= limit``; 64 for 0 and what is nearly 0."""
    return min(64, math.floor(math.log2(limit / magnitude))) if magnitude else 64
