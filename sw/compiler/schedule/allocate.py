"""Places buffers in the on-chip memories, word by word, from first to last access."""

from __future__ import annotations

import numpy as np

from sw.compiler.schedule.program import Buffer, Operation, ScheduleError


def memory_sizes(configuration) -> dict[str, int]:
    """Words of every memory that buffers live in."""
    c = configuration
    return {
        "x": c.x_words,
        "u": c.u_words,
        "row": c.row_words,
        "column": c.column_words,
        "parameter": c.parameter_words,
        "exp": c.exp_entries,
    }


def allocate(operations: list[Operation], sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Gives every buffer of `operations` its base.

    A word is free once the last operation that touches it has passed; among the places that are
    free a buffer takes the one that has been free longest, so that its first write seldom waits.
    A buffer that has a base already keeps it, and its words are never free.
    Where that leaves no room for a later buffer, everything is packed instead: large buffers from
    the bottom, small ones from the top.

    Parameters
    ----------
    operations : list of Operation
        In program order.
    sizes : dict
        Words of every memory.

    Returns
    -------
    dict
        Memory to (words used at most, words available).

    Raises
    ------
    ScheduleError
        Where a memory cannot hold what is live: names it, needed and available.
    """
    last_touch: dict[Buffer, np.ndarray] = {}
    born: dict[Buffer, int] = {}
    for index, operation in enumerate(operations):
        for access in operation.accesses:
            buffer = access.buffer
            if buffer not in born:
                born[buffer] = index
                last_touch[buffer] = np.full(buffer.words, -1, dtype=np.int64)
            if not 0 <= access.start < access.stop <= buffer.words:
                raise AssertionError(
                    f"{buffer.name}: {access.start}..{access.stop} of {buffer.words} words"
                )
            access.of(last_touch[buffer])[...] = len(operations) if buffer.keep else index
    usage = {}
    for memory, words in sizes.items():
        buffers = [buffer for buffer in born if buffer.memory == memory]
        free_after = np.full(words, -1, dtype=np.int64)
        for buffer in buffers:
            if buffer.base is not None:
                free_after[buffer.base : buffer.base + buffer.words] = len(operations)
        new = [(buffer, born[buffer]) for buffer in buffers if buffer.base is None]
        try:
            peak = _place_all(new, free_after.copy(), last_touch, compact=False)
        except ScheduleError:
            peak = _place_all(new, free_after, last_touch, compact=True)
        usage[memory] = (peak, words)
    return usage


def _place_all(
    buffers: list[tuple[Buffer, int]],
    free_after: np.ndarray,
    last_touch: dict[Buffer, np.ndarray],
    *,
    compact: bool,
) -> int:
    """Places the buffers of one memory, each with its first operation; returns the peak."""
    peak = 0
    for buffer, index in buffers:
        _place(buffer, index, free_after, last_touch[buffer], compact)
        peak = max(peak, int((free_after >= index).sum()))
    return peak


def _place(
    buffer: Buffer, index: int, free_after: np.ndarray, touches: np.ndarray, compact: bool
) -> None:
    """Chooses the base of one buffer and marks its words."""
    words = buffer.words
    available = len(free_after)
    live = int((free_after >= index).sum())
    best = None
    if words <= available:
        windows = _window_maxima(free_after, words)
        free = np.flatnonzero(windows < index)
        if len(free) and compact:
            best = int(free[0] if 4 * words > available else free[-1])
        elif len(free):
            # Of windows that wait for the same operation: the one free longest in total.
            ties = np.flatnonzero(windows == windows.min())
            totals = np.concatenate([[0], np.cumsum(free_after)])
            best = int(ties[(totals[ties + words] - totals[ties]).argmin()])
    if best is None:
        raise ScheduleError(
            f"{buffer.memory} memory: {buffer.name} needs {words} words beside {live} in use, "
            f"{live + words} of {available} available; use a configuration with more "
            f"{buffer.memory}_words"
        )
    buffer.base = best
    free_after[best : best + words] = np.maximum(touches, index)


def _window_maxima(values: np.ndarray, width: int) -> np.ndarray:
    """Maximum of every run of `width` values, from maxima of runs of powers of two."""
    span, count = 1, len(values) - width + 1
    while 2 * span <= width:
        values = np.maximum(values[:-span], values[span:])
        span *= 2
    return np.maximum(values[:count], values[width - span : width - span + count])
