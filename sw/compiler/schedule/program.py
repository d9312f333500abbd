"""Operations on named buffers, and the program that they become."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hw.spec.commands import ENGINE_OF, Engine, Opcode, encode
from hw.spec.configuration import Configuration


class ScheduleError(ValueError):
    """A block that a configuration cannot hold: which memory, needed and available."""


@dataclass(eq=False)
class Buffer:
    """Words of one on-chip memory that live from their first to their last access.

    Attributes
    ----------
    memory : str
        ``x``, ``u``, ``row``, ``column``, ``parameter`` or ``exp``.
    words : int
        Size in words of that memory.
    base : int or None
        First word once allocated.
    keep : bool
        Its words stay to the end: somebody reads them after the program.
    """

    name: str
    memory: str
    words: int
    base: int | None = None
    keep: bool = False


@dataclass(frozen=True)
class At:
    """A field value that is a word of a buffer: resolved when the buffer has its place."""

    buffer: Buffer
    offset: int = 0


@dataclass(frozen=True)
class Access:
    """Words [start, stop) of a buffer that an operation reads or writes.

    With `step`, only words [first, last) of every `step` words: some channels of every token.
    """

    buffer: Buffer
    start: int
    stop: int
    write: bool
    step: int = 0
    first: int = 0
    last: int = 0

    def of(self, words: np.ndarray, base: int = 0) -> np.ndarray:
        """A view of the accessed words, where the last axis of `words` begins at `-base`."""
        span = words[..., base + self.start : base + self.stop]
        if not self.step:
            return span
        return span.reshape(*words.shape[:-1], -1, self.step)[..., self.first : self.last]


@dataclass(eq=False)
class Operation:
    """A command before addresses and waits are known.

    Attributes
    ----------
    layer : str
        The layer it belongs to, as in traces and reports (``query``).
    fields : dict
        Field values of the command's record; :class:`At` where an address is not known yet.
    accesses : list of Access
        Everything that it touches.
    detail : dict
        What a trace needs to place its beats: first token, tokens, head, rows and so on.
    macs, elements : int
        Binary multiply-accumulates and post-processed elements, for the bound.
    """

    opcode: Opcode
    layer: str
    fields: dict[str, int | At]
    accesses: list[Access]
    detail: dict[str, int] = field(default_factory=dict)
    macs: int = 0
    elements: int = 0
    tag: int = 0

    @property
    def engine(self) -> Engine:
        """The engine whose completion count includes this operation."""
        return ENGINE_OF[self.opcode]


@dataclass(frozen=True)
class Program:
    """A scheduled block.

    Attributes
    ----------
    words : list of int
        512-bit commands, END last.
    operations : list of Operation
        The same without END; ``operations[i].tag == i``.
    memory : ndarray of uint64, shape (beats, 2)
        External memory, low word first, all but x filled in; the program starts at `start`.
    x_address : int
        Beat of x in external memory (16-bit values, tokens x channels).
    preload : list of int
        Commands of a first program (at `preload_start`) that brings x on chip; empty if x streams.
    result_address : int or None
        Beat where x2 is stored, None where it stays in x memory.
    usage : dict
        Memory name to (words used at most, words available).
    """

    configuration: Configuration
    words: list[int]
    operations: list[Operation]
    memory: np.ndarray
    start: int
    preload: list[int]
    preload_start: int
    x_address: int
    result_address: int | None
    usage: dict[str, tuple[int, int]]

    def bound(self, operation: Operation) -> int:
        """max(MAC / array MACs a cycle, elements / lanes) of one operation, in cycles."""
        return bound(self.configuration, operation.macs, operation.elements)


def bound(configuration: Configuration, macs: int, elements: int) -> int:
    """max(MAC / array MACs a cycle, elements / lanes), rounded up."""
    return max(-(-macs // configuration.macs_per_cycle), -(-elements // configuration.lanes))


_ORDERED = {Engine.LOAD, Engine.STORE, Engine.POOL}
"""Engines that finish a command before they touch anything of the next."""


class Hazards:
    """Last readers and writers of every word, by engine, as command counts."""

    def __init__(self, sizes: dict[str, int]) -> None:
        self._last = {
            (memory, write): np.zeros((len(Engine), words), dtype=np.int64)
            for memory, words in sizes.items()
            for write in (False, True)
        }
        self._passes = np.zeros(len(Engine), dtype=np.int64)

    def conflicts(self, access: Access) -> np.ndarray:
        """Per engine: the count of the last command that `access` must not overtake."""
        latest = self._latest(access, True)
        return np.maximum(latest, self._latest(access, False)) if access.write else latest

    def _latest(self, access: Access, write: bool) -> np.ndarray:
        words = access.of(self._last[access.buffer.memory, write], access.buffer.base)
        return words.reshape(len(Engine), -1).max(axis=1)

    def record(self, access: Access, engine: Engine, count: int) -> None:
        """Notes that command number `count` of `engine` makes `access`."""
        words = self._last[access.buffer.memory, access.write]
        access.of(words, access.buffer.base)[engine] = count


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
            if engine in _ORDERED or access.write:
                latest[engine] = 0
            needed = np.maximum(needed, latest)
        result.append({f"after_{e.name.lower()}": int(needed[e]) for e in Engine})
        counts[engine] += 1
        for access in operation.accesses:
            hazards.record(access, engine, int(counts[engine]))
    return result


def hoist_loads(operations: list[Operation], sizes: dict[str, int], ahead: int) -> list[Operation]:
    """Moves every LOAD forward to just behind the last operation that touches its words.

    At most `ahead` operations forward, so that the in-order fetch is not blocked for long by a
    full load queue.
    """
    last = {memory: np.full(words, -1, dtype=np.int64) for memory, words in sizes.items()}
    keyed = []
    load_key = -1.0
    for index, operation in enumerate(operations):
        key = float(index)
        if operation.opcode is Opcode.LOAD:
            (access,) = operation.accesses
            touched = int(access.of(last[access.buffer.memory], access.buffer.base).max())
            key = max(touched + 0.5, index - ahead, load_key)
            load_key = key
        keyed.append((key, index, operation))
        for access in operation.accesses:
            access.of(last[access.buffer.memory], access.buffer.base)[...] = index
    keyed.sort(key=lambda item: (item[0], item[1]))
    return [operation for _, _, operation in keyed]


def assemble(operations: list[Operation], sizes: dict[str, int]) -> list[int]:
    """Resolves addresses, adds waits, tags by position, encodes; END is appended.

    Raises
    ------
    ScheduleError
        For more commands than tags.
    """
    if len(operations) > 4095:
        raise ScheduleError(
            f"program: {len(operations)} commands exceed the 4,095 tags; "
            "use larger chunks (more row memory)"
        )
    words = []
    for tag, (operation, after) in enumerate(
        zip(operations, waits(operations, sizes), strict=True)
    ):
        operation.tag = tag
        resolved = {
            name: value.buffer.base + value.offset if isinstance(value, At) else value
            for name, value in operation.fields.items()
        }
        words.append(encode(operation.opcode, tag=tag, **after, **resolved))
    words.append(encode(Opcode.END, tag=4095))
    return words
