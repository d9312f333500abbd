"""The array: a group takes max(its operand words, its tokens) cycles; and the attention unit.

The attention unit is a pipeline without a stop behind the array: a tile of scores is issued only
if all of it has room, so its times follow from the array's.
"""

from __future__ import annotations

from collections import deque

from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from sw.cycles.constants import (
    ARRAY_START,
    BITS_WRITTEN,
    COMPARE_DONE,
    FIFO,
    SCORE_START,
    TILES_IN_FLIGHT,
    drain,
    overlap,
    result_beats,
    threshold_latency,
)
from sw.cycles.control import Command, Control
from sw.cycles.kernel import Kernel, MemoryPort, Passage, Process, Signal


class ResultFifo:
    """Groups between array and lanes.

    Attributes
    ----------
    taken : Passage
        Beats that the lanes have admitted.
    """

    def __init__(self, kernel: Kernel, c: Configuration) -> None:
        self._capacity, self._rows = result_beats(c), c.rows
        self._first: deque[int] = deque()
        self._there = Signal(kernel)
        self._reserved = 0
        self.taken = Passage(kernel)

    def reserve(self, tokens: int):
        """Waits until a group's places are free for certain, reserves them, returns the cycle."""
        needed = self._reserved + self._rows - self._capacity
        self._reserved += tokens
        return (yield from self.taken.when(needed)) if needed > 0 else 0

    def put(self, first: int) -> None:
        """A group whose first beat can be admitted in cycle `first`."""
        self._first.append(first)
        self._there.notify()

    def next(self):
        """Waits for the next group; the cycle of its first beat."""
        while not self._first:
            yield self._there
        return self._first.popleft()


class Array:
    """LINEAR, CONTEXT and SCORE in order.

    Attributes
    ----------
    busy : int
        Operand words issued.
    attention : MemoryPort
        Cycles with a score, or with attention bits written.
    """

    def __init__(
        self, kernel: Kernel, c: Configuration, control: Control, results: ResultFifo
    ) -> None:
        self._kernel, self._c, self._control, self._results = kernel, c, control, results
        self._end, self._tokens = -1, 0  # of the group before: its last issue, its beats
        self._tiles: deque[tuple[int, int]] = deque()  # in flight: free from, score words
        self._tile_issued = -1  # the last first issue of a tile
        self._compared = 0  # the first cycle without a compare
        self.busy, self.attention = 0, MemoryPort()
        kernel.start(self._run())

    def _run(self) -> Process:
        while True:
            command = yield from self._control.units["array"].take(self._end - 1)
            begin = self._kernel.now + ARRAY_START
            if command.opcode is Opcode.SCORE:
                attention = self._control.units["attention"]
                yield from attention.take(self._tile_issued + 1)
                self._scores(command, max(begin, attention.taken + SCORE_START))
            else:
                yield from self._groups(command, begin)

    def _words(self, command: Command) -> int:
        """Operand words of a group."""
        f = command.fields
        return f["heads"] * f["words"] * self._c.group_tiles

    def _issue(self, words: int, tokens: int, begin: int, room: int = 0) -> int:
        """Issues a group's words; its first beat leaves the array in the cycle returned.

        `begin` is the earliest cycle of its first word, `room` that of the last words, which load
        the holds: not before the group before has been read from them.
        """
        spread = self._c.group_tiles - 1
        held = self._end + self._tokens - overlap(self._c)
        last_begin = max(max(self._end + 1, begin) + words - 1 - spread, held, room)
        self._end, self._tokens = last_begin + spread, tokens
        self.busy += words
        return self._end + drain(self._c)

    def _groups(self, command: Command, begin: int) -> Process:
        f, words = command.fields, self._words(command)
        for _ in range(f["outer"]):
            if command.opcode is Opcode.CONTEXT:
                self._issue(words, 1, begin)  # what is subtracted from all tiles
            for tile in range(f["tiles"]):
                tokens = f["last_tokens"] if tile == f["tiles"] - 1 else self._c.rows
                for _ in range(f["inner"]):
                    room = yield from self._results.reserve(tokens)
                    self._results.put(self._issue(words, tokens, begin, room) + FIFO)

    def _scores(self, command: Command, begin: int) -> None:
        f, words, c = command.fields, self._words(command), self._c
        groups = f["outer"] * f["inner"]
        reserved = c.rows * f["outer"]
        for tile in range(f["tiles"]):
            tokens = f["last_tokens"] if tile == f["tiles"] - 1 else c.rows
            begin = max(begin, self._admit(reserved), self._end + 1)
            self._tile_issued = begin
            for _ in range(groups):
                first = self._issue(words, tokens, begin)
                self.attention.mark(first, tokens)
            compare = max(first + tokens + threshold_latency(c), self._compared)
            self._compared = compare + tokens * groups
            self._tiles.append((self._compared, reserved))
            self.attention.mark(compare + BITS_WRITTEN, tokens * groups)
        self._control.complete(command, self._compared - 1 + COMPARE_DONE)

    def _admit(self, reserved: int) -> int:
        """The first cycle in which a tile may be issued."""
        at, words = 0, sum(words for _, words in self._tiles)
        while len(self._tiles) == TILES_IN_FLIGHT or words + reserved > self._c.score_words:
            at, freed = self._tiles.popleft()
            words -= freed
        return at
