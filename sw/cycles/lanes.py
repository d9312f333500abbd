"""The lanes: parameter sets fetched ahead, and a beat a cycle for every group that is there."""

from __future__ import annotations

from collections import deque

from hw.spec.commands import Bits, Opcode, Source
from hw.spec.configuration import Configuration
from sw.cycles.array import ResultFifo
from sw.cycles.constants import (
    SET_FETCHED,
    SET_RELEASED,
    SETS,
    STAGE,
    VALUES_WRITTEN,
    WALK,
    lanes_done,
)
from sw.cycles.control import Control
from sw.cycles.kernel import ANY, Kernel, MemoryPort, Process, Queue, Signal


class Lanes:
    """LINEAR, CONTEXT, PASS and AFFINE behind the array: one token of a group a cycle.

    A group begins when its results are there, its parameter set has been fetched (a word a cycle)
    and the group before it, with the gaps that its bits need, is over.  The lanes have the first
    right to every memory port, so nothing else holds them up, and a command's times are known
    when it is staged: those behind the lanes see its accesses before they come.

    Attributes
    ----------
    busy : int
        Beats.
    """

    def __init__(
        self,
        kernel: Kernel,
        c: Configuration,
        control: Control,
        results: ResultFifo,
        memories: dict[str, MemoryPort],
    ) -> None:
        self._kernel, self._c, self._control = kernel, c, control
        self._results, self._memories = results, memories
        self._staged = Queue(kernel, ANY)
        self._moved: deque[int] = deque()  # when staged commands move on to the walker
        self._sets: deque[int] = deque()  # the first cycles in which sets can be used
        self._free: deque[int] = deque([0] * SETS)  # when places of sets are free
        self._changed = Signal(kernel)  # one of the three
        self.busy = 0
        kernel.start(self._stage())
        kernel.start(self._walk())

    def _stage(self) -> Process:
        """Takes commands and fetches their parameter sets, as long as there are places."""
        commands, earliest, at = self._control.units["lanes"], 0, 0
        while True:
            command = yield from commands.take(earliest)
            now, f = self._kernel.now, command.fields
            factor = {Bits.KEY: f["first_key"] // self._c.lanes, Bits.VALUE: f["first_group"]}
            ready = now + STAGE + factor.get(f["bits"], 0).bit_length()
            self._staged.put((command, ready))
            # A set serves a group, or with one inner group all tiles of an outer group.
            sets = f["outer"] * (1 if f["inner"] == 1 else f["inner"] * f["tiles"])
            words = max(1, f["parameter_fields"].bit_count())
            at = now + 1
            for _ in range(sets):
                at = max(at, (yield from self._next(self._free)))
                self._memories["parameter_read"].mark(at, words)
                at += words
                self._sets.append(at - 1 + SET_FETCHED)
                self._changed.notify()
            earliest = max(at - 1, (yield from self._next(self._moved)))

    def _next(self, times: deque[int]):
        """Waits for the next of `times` to be known."""
        while not times:
            yield self._changed
        return times.popleft()

    def _walk(self) -> Process:
        """Group after group of one command after another."""
        free = 0  # the first cycle that has no beat of the groups before
        while True:
            command, ready = yield from self._staged.take()
            f, from_array = command.fields, command.opcode in (Opcode.LINEAR, Opcode.CONTEXT)
            self._moved.append(max(ready, free - 1))
            self._changed.notify()
            free = max(free, ready + WALK)
            one_set = f["inner"] == 1
            for outer in range(f["outer"]):
                key = f["first_key"]
                if one_set:
                    free = max(free, (yield from self._next(self._sets)))
                for tile in range(f["tiles"]):
                    ends = tile == f["tiles"] - 1
                    tokens = f["last_tokens"] if ends else self._c.rows
                    for inner in range(f["inner"]):
                        if not one_set:
                            free = max(free, (yield from self._next(self._sets)))
                        if from_array:
                            free = max(free, (yield from self._results.next()))
                            self._results.taken.add(free, tokens, free + tokens - 1)
                        self._access(f, free, tokens, outer, inner)
                        last = free + tokens - 1
                        free = last + 1 + self._gaps(f, tokens, key, ends)
                        if not one_set:
                            self._release(last)
                    key += tokens
                if one_set:
                    self._release(last)
            self._control.complete(command, last + lanes_done(self._c))

    def _release(self, last: int) -> None:
        """The set whose last beat is in cycle `last` is used no more."""
        self._free.append(last + SET_RELEASED)
        self._changed.notify()

    def _gaps(self, f: dict[str, int], tokens: int, key: int, ends: bool) -> int:
        """Cycles without a beat in and behind a group: short groups of sets, transposed blocks."""
        if f["bits"] == Bits.ROW:
            return max(0, f["sets"] - tokens)
        if f["bits"] == Bits.VALUE:
            lanes = self._c.lanes
            blocks = (key + tokens) // lanes - key // lanes
            blocks += ends and (key + tokens) % lanes != 0
            return blocks * (self._c.group_tiles - 1)
        return 0

    def _access(self, f: dict[str, int], begin: int, tokens: int, outer: int, inner: int) -> None:
        """Notes a group's reads and writes."""
        group = f["first_group"] + outer + inner * f["group_step"]
        following = group + f["group_step"] if inner + 1 < f["inner"] else None
        self.busy += tokens
        self._memories["multipliers"].mark(begin, tokens)
        for source, name in ((Source.X, "x"), (Source.U, "u")):
            if (f["residual"] == source and inner == 0) or f["main"] == source:
                self._memories[f"{name}_read"].mark(begin, tokens)
            if f["destination"] == source and not self._kept(f, group, following):
                self._memories[f"{name}_write"].mark(begin + VALUES_WRITTEN, tokens)
        if f["bits"] == Bits.KEY:
            self._memories["column_write"].mark(begin + VALUES_WRITTEN, tokens)

    @staticmethod
    def _kept(f: dict[str, int], group: int, following: int | None) -> bool:
        """Whether a group's pooled values wait for the parts of their words that come next."""
        if following is None or not f["pooled"] or not f["pool"]:
            return False
        return following >> f["pool"] == group >> f["pool"]
