"""From operations on placed buffers to command words: addresses, waits, tags."""

from __future__ import annotations

from collections import Counter

import numpy as np

from hw.spec.commands import Engine, Opcode, encode
from sw.compiler.schedule.program import Access, At, Operation, ScheduleError

TAGS = 1 << 12
"""Tags wrap: operation i of a program has tag i modulo this."""
MOST_COMMANDS = (1 << 16) - 1
"""Commands of an engine that an ``after_*`` field can count."""

_ORDERED = {Engine.LOAD, Engine.STORE, Engine.POOL}
"""Engines that finish a command before they touch anything of the next."""


def passes_over(engine: Engine, access: Access) -> bool:
    """Whether an access need not wait for earlier commands of its own engine."""
    return engine in _ORDERED or access.write


class Hazards:
    """Last readers and writers of every word, by engine: their command counts, or their ends."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._last = {
            (memory, write): np.zeros((len(Engine), words), dtype=np.int64)
            for memory, words in sizes.items()
            for write in (False, True)
        }

    def conflicts(self, access: Access) -> np.ndarray:
        """Per engine: the last command that `access` must not overtake."""
        latest = self._latest(access, True)
        return np.maximum(latest, self._latest(access, False)) if access.write else latest

    def _latest(self, access: Access, write: bool) -> np.ndarray:
        words = access.of(self._last[access.buffer.memory, write], access.buffer.base)
        return words.reshape(len(Engine), -1).max(axis=1)

    def record(self, access: Access, engine: Engine, last: int) -> None:
        """Notes that a command of `engine`, number `last` or over at `last`, makes `access`."""
        words = self._last[access.buffer.memory, access.write]
        access.of(words, access.buffer.base)[engine] = last


def waits(operations: list[Operation], sizes: dict[str, int]) -> list[dict[str, int]]:
    """The ``after_*`` fields of every operation, from what each reads and writes.

    A command waits for the last writer of what it reads, and for the last reader and writer of
    what it writes.  Inside one engine only the main engine needs it (its array reads ahead of its
    lanes' writes): it waits for earlier writes that it reads; its writes follow its reads in order.
    """
    hazards = Hazards(sizes)
    counts = np.zeros(len(Engine), dtype=np.int64)
    result = []
    for operation in operations:
        engine = operation.engine
        needed = np.zeros(len(Engine), dtype=np.int64)
        for access in operation.accesses:
            latest = hazards.conflicts(access).copy()
            if passes_over(engine, access):
                latest[engine] = 0
            needed = np.maximum(needed, latest)
        result.append({f"after_{e.name.lower()}": int(needed[e]) for e in Engine})
        counts[engine] += 1
        for access in operation.accesses:
            hazards.record(access, engine, int(counts[engine]))
    return result


def assemble(operations: list[Operation], sizes: dict[str, int]) -> list[int]:
    """Resolves addresses, adds waits, tags by position, encodes; END is appended.

    Raises
    ------
    ScheduleError
        For more commands of an engine than a program may have.
    """
    counts = Counter(operation.engine for operation in operations)
    for engine, count in counts.items():
        if count > MOST_COMMANDS:
            raise ScheduleError(
                f"program: {count:,} commands for engine {engine.name.lower()}, at most "
                f"{MOST_COMMANDS:,} can be counted; use a configuration with larger memories"
            )
    words = []
    for index, (operation, after) in enumerate(
        zip(operations, waits(operations, sizes), strict=True)
    ):
        operation.tag = index % TAGS
        resolved = {
            name: value.resolve() if isinstance(value, At) else value
            for name, value in operation.fields.items()
        }
        words.append(encode(operation.opcode, tag=operation.tag, **after, **resolved))
    words.append(encode(Opcode.END, tag=TAGS - 1))
    return words
