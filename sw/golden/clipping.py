"""What saturation clips, counted in golden itself for whoever asks.

::

    with counting() as counts:
        run(packed, images)
    counts["stage1.block0.x1"].share

Golden shows every value to :func:`observe` just before its clamp.  The name is the trace's, or for
what no trace holds that of its layer: ``stage1.block0.key: v``; they are the names of
:mod:`sw.capability.intervals`.  Without :func:`counting` nothing looks; with it nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor

from hw.spec.numerics import Format


@dataclass(frozen=True)
class Clipped:
    """Elements of one value that lay outside its format before saturation, of all formed.

    An element equal to a limit is not clipped.
    """

    outside: int
    elements: int

    @property
    def share(self) -> float:
        """Clipped elements of one formed; 0 if none was formed."""
        return self.outside / self.elements if self.elements else 0.0


Counts = dict[str, Clipped]

# A context variable: whoever runs golden elsewhere at the same time is not counted here.
_COUNTS: ContextVar[Counts | None] = ContextVar("counts", default=None)
_LOCK = Lock()  # chunks of one run count side by side


@contextmanager
def counting() -> Iterator[Counts]:
    """Counts by name of every value that golden saturates inside, growing as it runs.

    Golden's own worker threads are counted, those of the caller are not; of two inside each other
    the inner one counts.
    """
    counts: Counts = {}
    token = _COUNTS.set(counts)
    try:
        yield counts
    finally:
        _COUNTS.reset(token)


def observe(name: str | None, a: Tensor, form: Format) -> None:
    """Counts integers of any shape that are about to be clamped to `form`; None has no name."""
    counts = _COUNTS.get()
    if counts is None or name is None:
        return
    outside = int(torch.count_nonzero((a < form.low) | (a > form.high)))
    with _LOCK:
        before = counts.get(name, Clipped(0, 0))
        counts[name] = Clipped(before.outside + outside, before.elements + a.numel())
