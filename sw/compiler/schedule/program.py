"""Operations on named buffers, and the program of a block that they become."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hw.spec.commands import ENGINE_OF, Engine, Opcode
from hw.spec.configuration import Configuration


class ScheduleError(ValueError):
    """What a configuration cannot hold: which memory, needed and available."""


@dataclass(eq=False)
class Buffer:
    """Words of one memory that live from their first to their last access.

    Attributes
    ----------
    memory : str
        ``x``, ``u``, ``row``, ``column``, ``parameter``, ``exp``, or ``spill``: the first words of
        external memory, each `lanes` values as in x memory.
    words : int
        Size in words of that memory.
    base : int or None
        First word once allocated; a buffer that has one from the start lives throughout.
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
    """A field value that is a word of a buffer: resolved when the buffer has its place.

    `scale` is 1, or the beats of a word where the field is an address in external memory.
    """

    buffer: Buffer
    offset: int = 0
    scale: int = 1

    def resolve(self) -> int:
        """The field's value."""
        return (self.buffer.base + self.offset) * self.scale


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
        The layer it belongs to, as in traces and reports (``query``, ``stage2.embedding``).
    block : str
        The block whose layer that is, in a network's program; empty elsewhere.
    forms : str
        The block whose input bits its row bits are, where they are not the layer's own.
    fields : dict
        Field values of the command's record; :class:`At` where an address is not known yet.
    accesses : list of Access
        Everything that it touches.
    detail : dict
        What a trace needs to place its beats: first token, tokens, head, rows and so on.
    macs, elements, steps : int
        Binary multiply-accumulates, post-processed elements and the dense unit's cycles, for the
        bound.
    """

    opcode: Opcode
    layer: str
    fields: dict[str, int | At]
    accesses: list[Access]
    detail: dict[str, int] = field(default_factory=dict)
    macs: int = 0
    elements: int = 0
    steps: int = 0
    block: str = ""
    forms: str = ""
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
        The same without END; ``operations[i].tag`` is i modulo 4096.
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
