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
    for index, operation in enumerate(operations):
        for access in operation.accesses:
            buffer = access.buffer
            touches = last_touch.setdefault(buffer, np.full(buffer.words, -1, dtype=np.int64))
            if not 0 <= access.start < access.stop <= buffer.words:
                raise AssertionError(
                    f"{buffer.name}: {access.start}..{access.stop} of {buffer.words} words"
                )
            access.of(touches)[...] = len(operations) if buffer.keep else index
    try:
        return _place_all(operations, sizes, last_touch, compact=False)
    except ScheduleError:
        for buffer in last_touch:
            buffer.base = None
        return _place_all(operations, sizes, last_touch, compact=True)


def _place_all(
    operations: list[Operation],
    sizes: dict[str, int],
    last_touch: dict[Buffer, np.ndarray],
    *,
    compact: bool,
) -> dict[str, tuple[int, int]]:
    free_after = {memory: np.full(words, -1, dtype=np.int64) for memory, words in sizes.items()}
    peak = dict.fromkeys(sizes, 0)
    for index, operation in enumerate(operations):
        for access in operation.accesses:
            buffer = access.buffer
            if buffer.base is None:
                _place(buffer, index, free_after[buffer.memory], last_touch[buffer], compact)
                live = int((free_after[buffer.memory] >= index).sum())
                peak[buffer.memory] = max(peak[buffer.memory], live)
    return {memory: (peak[memory], sizes[memory]) for memory in sizes}


def _place(
    buffer: Buffer, index: int, free_after: np.ndarray, touches: np.ndarray, compact: bool
) -> None:
    """Chooses the base of one buffer and marks its words."""
    words = buffer.words
    available = len(free_after)
    live = int((free_after >= index).sum())
    best = None
    if words <= available:
        windows = np.lib.stride_tricks.sliding_window_view(free_after, words).max(axis=1)
        free = np.flatnonzero(windows < index)
        if len(free) and compact:
            best = int(free[0] if 4 * words > available else free[-1])
        elif len(free):
            best = int(windows.argmin())
    if best is None:
        raise ScheduleError(
            f"{buffer.memory} memory: {buffer.name} needs {words} words beside {live} in use, "
            f"{live + words} of {available} available; use a configuration with more "
            f"{buffer.memory}_words"
        )
    buffer.base = best
    free_after[best : best + words] = np.maximum(touches, index)
