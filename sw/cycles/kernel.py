"""Discrete events: processes that wait for a cycle or for each other, queues, memory ports.

A process is a generator.  It yields the cycle in which it goes on, or a :class:`Signal` that it
waits for.  All times are clock cycles since start; a process may compute times ahead of
:attr:`Kernel.now`, so only what others can see of it needs an event.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from itertools import count

AHEAD = 8
"""Cycles of a memory's port that are taken at a time."""
Process = Iterator["int | Signal"]


ANY = 1 << 30
"""Places of a queue that something else keeps short."""


class Signal:
    """What processes wait for: :meth:`notify` lets all of them go on in the present cycle."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.waiting: list[Process] = []

    def notify(self) -> None:
        """Wakes everyone who waits."""
        for process in self.waiting:
            self._kernel.start(process)
        self.waiting.clear()


class Kernel:
    """Runs processes in order of time; in one cycle, in the order in which they asked for it."""

    def __init__(self) -> None:
        self.now = 0
        self._events: list[tuple[int, int, Process]] = []
        self._order = count()

    def start(self, process: Process, cycle: int | None = None) -> None:
        """Lets a process go on in `cycle`, now unless given (and not before now)."""
        at = self.now if cycle is None else max(cycle, self.now)
        heapq.heappush(self._events, (at, next(self._order), process))

    def run(self) -> None:
        """Until nothing is left but what waits for a signal."""
        while self._events:
            self.now, _, process = heapq.heappop(self._events)
            wait = next(process, None)
            if isinstance(wait, Signal):
                wait.waiting.append(process)
            elif wait is not None:
                self.start(process, wait)


class Queue:
    """A first-in first-out queue whose places and beats are seen a cycle later, as registers are.

    Parameters
    ----------
    depth : int
        Places.
    latency : int
        Cycles from a beat's entry to when it can be taken.
    """

    def __init__(self, kernel: Kernel, depth: int, latency: int = 1) -> None:
        self._kernel, self._depth, self._latency = kernel, depth, latency
        self._items: deque[tuple[int, object]] = deque()
        self.taken = 0
        self._freed = -1  # the last cycle in which a place became free
        self.changed = Signal(kernel)

    @property
    def has_room(self) -> bool:
        """Whether a beat can be put in this cycle."""
        free = self._depth - len(self._items)
        return free > (self._freed == self._kernel.now)

    @property
    def empty(self) -> bool:
        """Whether all beats were taken."""
        return not self._items

    def put(self, item: object) -> None:
        """Puts a beat in this cycle."""
        self._items.append((self._kernel.now + self._latency, item))
        self.changed.notify()

    def room(self) -> Process:
        """Waits until a beat can be put."""
        while not self.has_room:
            if self._freed == self._kernel.now:
                yield self._kernel.now + 1
            else:
                yield self.changed

    def take(self, earliest: int = 0) -> Iterator:
        """Takes a beat when there is one, in cycle `earliest` or later, and returns it.

        :attr:`taken` is that cycle, also where the process went on later.
        """
        while not self._items:
            yield self.changed
        yield max(self._items[0][0], earliest)
        there, item = self._items.popleft()
        self.taken = max(there, earliest)
        self._freed = self._kernel.now
        self.changed.notify()
        return item


class Passage:
    """When the k-th of a stream's beats passes a place: runs of beats at a steady pace."""

    def __init__(self, kernel: Kernel) -> None:
        self._runs: deque[tuple[int, int, int, int]] = deque()
        self.count = 0
        self.grown = Signal(kernel)

    def add(self, first: int, beats: int, last: int) -> None:
        """`beats` more, the first and last of them in these cycles."""
        self.count += beats
        self._runs.append((self.count, beats, first, last))
        self.grown.notify()

    def when(self, number: int) -> Iterator:
        """Waits until the time of beat `number` (from 1) is known, and returns it.

        Numbers asked for must not fall.
        """
        while self.count < number:
            yield self.grown
        while self._runs[0][0] < number:
            self._runs.popleft()
        count_, beats, first, last = self._runs[0]
        return last - (last - first) * (count_ - number) // max(1, beats - 1)


FIRST, SECOND, THIRD, LAST = 1, 2, 3, 4
"""Priorities at a port."""


class MemoryPort:
    """One access a cycle of an on-chip memory, by clients of different priority.

    The client of highest priority notes its accesses as soon as it knows them.  The others look
    no further ahead than they must: a cycle that is free now may be noted by then.
    """

    def __init__(self) -> None:
        self._used = bytearray(1 << 16)  # whose a cycle is
        self._owed = 0  # cycles that were taken from the client of lowest priority

    @property
    def count(self) -> int:
        """Cycles in which somebody uses it."""
        return len(self._used) - self._used.count(0)

    def mark(self, cycle: int, beats: int) -> None:
        """The client of highest priority uses `beats` cycles from `cycle` on."""
        self._grow(cycle + beats)
        self._owed += self._used[cycle : cycle + beats].count(LAST)
        self._used[cycle : cycle + beats] = bytes([FIRST]) * beats

    def free(self, cycle: int, beats: int) -> int:
        """How many cycles from `cycle` on, `beats` at most, nobody uses so far."""
        self._grow(cycle + beats)
        return beats - len(self._used[cycle : cycle + beats].lstrip(b"\0"))

    def take(self, cycle: int, beats: int = 1) -> Iterator:
        """Uses the first free cycles from `cycle` on, behind all others; returns the last one."""
        while beats:
            yield cycle
            beats, self._owed = beats + self._owed, 0
            wanted = min(beats, AHEAD)
            chunk = self.free(cycle, wanted)
            self._used[cycle : cycle + chunk] = bytes([LAST]) * chunk
            cycle += chunk
            beats -= chunk
            if chunk < wanted:
                free = self._used.find(0, cycle)
                cycle = free if free >= 0 else len(self._used)
            elif not beats:
                yield cycle  # by then it is known who took one of them
                beats, self._owed = self._owed, 0
        return cycle - 1

    def take_before(self, cycle: int, priority: int) -> Iterator:
        """Uses the first cycle from `cycle` on that is free or a lower priority's; returns it."""
        while True:
            yield cycle
            self._grow(cycle + 1)
            if not 0 < self._used[cycle] <= priority:
                self._owed += self._used[cycle] == LAST
                self._used[cycle] = priority
                yield cycle + 1  # who comes first may have asked for it as late as in that cycle
                if self._used[cycle] == priority:
                    return cycle
            cycle += 1

    def _grow(self, size: int) -> None:
        if size > len(self._used):
            self._used.extend(bytes(max(size, 2 * len(self._used)) - len(self._used)))
