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
    Where that leaves no room for a later buffer, the large ones are placed first, and the small
    ones where no large one comes while they live; and where that fails too, everything is packed,
    large buffers from the bottom, small ones from the top.

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
        for policy in (_longest_free, _large_first, _packed):
            for buffer, _ in new:
                buffer.base = None
            try:
                peak = policy(new, free_after.copy(), last_touch)
                break
            except ScheduleError:
                if policy is _packed:
                    raise
        usage[memory] = (peak, words)
    return usage


Born = list[tuple[Buffer, int]]
"""Buffers of one memory, each with the index of its first operation, in that order."""
Touches = dict[Buffer, np.ndarray]
"""The index of the last operation that touches each word of a buffer."""


def _longest_free(buffers: Born, free_after: np.ndarray, touches: Touches) -> int:
    """Each buffer in the place that has been free longest; returns the peak."""
    peak = 0
    for buffer, index in buffers:
        starts = _free(buffer, index, free_after)
        _take(buffer, index, free_after, touches, _oldest(buffer.words, starts, free_after))
        peak = max(peak, int((free_after >= index).sum()))
    return peak


def _large_first(buffers: Born, free_after: np.ndarray, touches: Touches) -> int:
    """Large buffers as if they were alone, small ones where none of those comes in their time."""
    large = [entry for entry in buffers if _is_large(entry[0], free_after)]
    _longest_free(large, free_after.copy(), touches)
    peak = 0
    for buffer, index in buffers:
        if buffer.base is None:
            end = int(touches[buffer].max())
            blocked = free_after.copy()
            for other, born in large:
                if index <= born <= end:
                    blocked[other.base : other.base + other.words] = index
            starts = _free(buffer, index, blocked)
            base = _oldest(buffer.words, starts, free_after)
        else:
            base = buffer.base
        _take(buffer, index, free_after, touches, base)
        peak = max(peak, int((free_after >= index).sum()))
    return peak


def _packed(buffers: Born, free_after: np.ndarray, touches: Touches) -> int:
    """Large buffers as low, small ones as high as possible."""
    peak = 0
    for buffer, index in buffers:
        starts = _free(buffer, index, free_after)
        base = int(starts[0] if 4 * buffer.words > len(free_after) else starts[-1])
        _take(buffer, index, free_after, touches, base)
        peak = max(peak, int((free_after >= index).sum()))
    return peak


def _is_large(buffer: Buffer, free_after: np.ndarray) -> bool:
    return 8 * buffer.words > len(free_after)


def _free(buffer: Buffer, index: int, free_after: np.ndarray) -> np.ndarray:
    """Every base at which all words are free.

    Raises
    ------
    ScheduleError
        If there is none.
    """
    words, available = buffer.words, len(free_after)
    if words <= available:
        starts = np.flatnonzero(_window_maxima(free_after, words) < index)
        if len(starts):
            return starts
    live = int((free_after >= index).sum())
    raise ScheduleError(
        f"{buffer.memory} memory: {buffer.name} needs {words} words beside {live} in use, "
        f"{live + words} of {available} available; use a configuration with more "
        f"{buffer.memory}_words"
    )


def _oldest(words: int, starts: np.ndarray, free_after: np.ndarray) -> int:
    """Of the places that wait for the earliest operation, the one free longest in total.

    Multiples of the power of two in the size come first: units side by side leave no odd gaps.
    """
    aligned = starts[starts % (words & -words) == 0]
    starts = aligned if len(aligned) else starts
    waits = _window_maxima(free_after, words)[starts]
    ties = starts[waits == waits.min()]
    totals = np.concatenate([[0], np.cumsum(free_after)])
    return int(ties[(totals[ties + words] - totals[ties]).argmin()])


def _take(buffer: Buffer, index: int, free_after: np.ndarray, touches: Touches, base: int) -> None:
    """Puts a buffer there."""
    buffer.base = base
    free_after[base : base + buffer.words] = np.maximum(touches[buffer], index)


def _window_maxima(values: np.ndarray, width: int) -> np.ndarray:
    """Maximum of every run of `width` values, from maxima of runs of powers of two."""
    span, count = 1, len(values) - width + 1
    while 2 * span <= width:
        values = np.maximum(values[:-span], values[span:])
        span *= 2
    return np.maximum(values[:count], values[width - span : width - span + count])
