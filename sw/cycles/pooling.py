"""GRID and BRANCH: reads of x memory behind all others', parts of a word, writes of u memory."""

from __future__ import annotations

from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from sw.cycles.constants import (
    BRANCH_ASK,
    BRANCH_FILLED,
    BRANCH_FREED,
    BRANCH_MOVE,
    BRANCH_PARTS,
    BRANCH_PIPELINE,
    BRANCH_ROOM,
    BRANCH_SETS,
    BRANCH_WORDS,
    GRID_SHIFT,
)
from sw.cycles.control import Command, Control
from sw.cycles.kernel import ANY, Kernel, MemoryPort, Process, Queue, Signal


class Pooling:
    """One command after another; the next one of its kind may begin when all is read.

    Attributes
    ----------
    busy : int
        Words read.
    """

    def __init__(
        self, kernel: Kernel, c: Configuration, control: Control, memories: dict[str, MemoryPort]
    ) -> None:
        self._kernel, self._control = kernel, control
        self._parts = c.lanes // c.pool_lanes
        self._x, self._u = memories["x_read"], memories["u_write"]
        self._parameters = memories["parameter_read"]
        self._inside, self._done = 0, Signal(kernel)
        # Windows' sums, and when the shifter is free of them.
        self._means, self._shifted = Queue(kernel, ANY), Queue(kernel, ANY)
        # Parameters of BRANCH: words to fetch, and when a channel word's are all there.
        self._wanted, self._filled = Queue(kernel, ANY), Queue(kernel, ANY)
        self._set_free = Queue(kernel, ANY)
        # Sums on their way to u memory, and the words that find room on it.
        self._sums, self._room = Queue(kernel, ANY), Queue(kernel, ANY)
        self.busy = 0
        for _ in range(BRANCH_SETS):
            self._set_free.put(0)
        for _ in range(max(2, BRANCH_PARTS // self._parts)):
            self._room.put(0)
        kernel.start(self._run())
        kernel.start(self._write_means())
        kernel.start(self._fetch())
        kernel.start(self._write_sums())

    def _run(self) -> Process:
        free, before = 0, None
        while True:
            commands = self._control.units["pool"]
            command = yield from commands.take(free)
            start = commands.taken
            while command.opcode is not before and self._inside:
                yield self._done  # one kind at a time
                start = self._kernel.now
            before = command.opcode
            self._inside += 1
            run = self._branch if command.opcode is Opcode.BRANCH else self._grid
            free = yield from run(command, start)

    def _finish(self, command: Command, written: int) -> Process:
        """The command's last write is granted."""
        self._control.complete(command, written + 1)
        yield written + 1
        self._inside -= 1
        self._done.notify()

    # -- GRID ----------------------------------------------------------------------------------

    def _grid(self, command: Command, start: int):
        """The cycle behind the last read."""
        f, at = command.fields, start + 1
        windows = f["outputs"] * f["words"]
        for window in range(windows):
            for row in range(f["height"]):
                ends = row == f["height"] - 1
                at = (yield from self._x.take(at, f["window"] - ends)) + 1
            shifted = yield from self._shifted.take()
            last = yield from self._x.take(max(at, shifted), 1)  # when the shifter is free
            completes = command if window == windows - 1 else None
            self._means.put((last + GRID_SHIFT + f["shift"] // 2, completes))
            at = last + 1
        self.busy += windows * f["height"] * f["window"]
        return at

    def _write_means(self) -> Process:
        written = 0
        self._shifted.put(0)
        while True:
            at, command = yield from self._means.take()
            shifted = max(at, written + 1)  # its place is free when the mean before it is written
            self._shifted.put(shifted)
            written = yield from self._u.take(shifted + 1)
            if command is not None:
                self._kernel.start(self._finish(command, written))

    # -- BRANCH --------------------------------------------------------------------------------

    def _branch(self, command: Command, start: int):
        """The cycle of the last read."""
        f = command.fields
        rows = f["valid"].bit_count()
        # Two columns before the first fill the delay line; the last two have no middle ahead.
        reads = [1, 1, *[rows] * (f["width"] - 2), rows - 1, rows - 1]
        if f["width"] == 1:
            reads = [1, 0, rows - 1]
        self._wanted.put((start + 1, f["words"]))
        last, given, before = start + BRANCH_ASK - 1, 0, None
        for _ in range(f["words"]):
            for column, count in enumerate(reads):
                # Not before the parts of the column before the last one have been given.
                at = max(last + 1, given)
                last = (yield from self._x.take(at, count)) if count else at
                self.busy += count
                if before is not None:
                    given = yield from self._give(*before, given)
                before = (last + BRANCH_MOVE, column, len(reads))
        given = yield from self._give(*before, given, command)
        return last

    def _give(self, at: int, column: int, columns: int, given: int, ends: Command | None = None):
        """Gives out a column's parts, from `at` on and behind those before; when that is done."""
        if column == 2:  # the columns before only fill the delay line
            at = max(at, (yield from self._filled.take()))
        if column >= 2:
            at = max(at, (yield from self._room.take()))
        at = max(at, given)
        yield at
        at += self._parts
        if column >= 2:
            self._sums.put((at, ends))
        if column == columns - 1:
            self._set_free.put(at + BRANCH_FREED)
        return at

    def _fetch(self) -> Process:
        """Parameters of channel words, as long as there are places for them."""
        at = 0
        while True:
            start, words = yield from self._wanted.take()
            at = max(at, start)
            for _ in range(words):
                at = max(at, (yield from self._set_free.take()))
                asked = []
                for field in range(BRANCH_WORDS):
                    # Two staging registers write their words part by part; an even field's waits
                    # for the odd field's, with which it goes.
                    if field % 2 == 0 and field:
                        at = max(at, asked[-1] + max(2, self._parts - 1))
                    elif field > 2:
                        at = max(at, asked[-2] + self._parts)
                    asked.append((yield from self._parameters.take(at)))
                    at = asked[-1] + 1
                self._filled.put(asked[-1] + BRANCH_FILLED)

    def _write_sums(self) -> Process:
        written = 0
        while True:
            given, command = yield from self._sums.take()
            # A word is collected part by part, not before the one before it is written.
            collected = max(given + BRANCH_PIPELINE - self._parts, written)
            self._room.put(collected + BRANCH_ROOM)
            written = yield from self._u.take(collected + self._parts)
            if command is not None:
                self._kernel.start(self._finish(command, written))
