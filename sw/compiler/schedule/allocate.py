"""Places buffers in the on-chip memories, word by word, from first to last access."""

from __future__ import annotations

import numpy as np

from sw.compiler.schedule.program import Buffer, Operation, ScheduleError


def memory_sizes(configuration) -> dict[str, int]:
    """Words of every memory that buffers live in."""
    c = configuration
    return {"x": c.x_words, "u": c.u_words, "row": c.row_words, "column": c.column_words,
            "parameter": c.parameter_words, "exp": c.exp_entries}


def allocate(operations: list[Operation], sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Gives every buffer of `operations` its base.

    A word is free once the last operation that touches it has passed; among the places that are
    free a buffer takes the one that has been free longest, so that its first write seldom waits.

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
                raise AssertionError(f"{buffer.name}: {access.start}..{access.stop} of "
                                     f"{buffer.words} words")
            touches[access.start:access.stop] = len(operations) if buffer.keep else index
    free_after = {memory: np.full(words, -1, dtype=np.int64) for memory, words in sizes.items()}
    peak = dict.fromkeys(sizes, 0)
    for index, operation in enumerate(operations):
        for access in operation.accesses:
            buffer = access.buffer
            if buffer.base is None:
                _place(buffer, index, free_after[buffer.memory], last_touch[buffer])
                live = int((free_after[buffer.memory] >= index).sum())
                peak[buffer.memory] = max(peak[buffer.memory], live)
    return {memory: (peak[memory], sizes[memory]) for memory in sizes}


def _place(buffer: Buffer, index: int, free_after: np.ndarray, touches: np.ndarray) -> None:
    """Chooses the base of one buffer and marks its words."""
    words = buffer.words
    available = len(free_after)
    live = int((free_after >= index).sum())
    best = None
    if words <= available:
        windows = np.lib.stride_tricks.sliding_window_view(free_after, words).max(axis=1)
        best = int(windows.argmin())
        if windows[best] >= index:
            best = None
    if best is None:
        raise ScheduleError(
            f"{buffer.memory} memory: {buffer.name} needs {words} words beside {live} in use, "
            f"{live + words} of {available} available; use a configuration with more "
            f"{buffer.memory}_words")
    buffer.base = best
    free_after[best:best + words] = np.maximum(touches, index)
