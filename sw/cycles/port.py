"""The memory port: three clients, an arbiter, and the external memory's timing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sw.cycles.constants import PORT_QUEUE
from sw.cycles.kernel import Kernel, Process, Signal
from sw.cycles.memory import MemoryTiming

CLIENTS = ("program", "store", "load")
"""By priority."""


@dataclass(frozen=True)
class Burst:
    """What a request gave: cycles of the first and last beat, and how long the port was its own."""

    first: int
    last: int
    held: int

    def beat(self, number: int, beats: int) -> int:
        """When beat `number` (from 1) of `beats` comes."""
        return self.first + (self.last - self.first) * (number - 1) // max(1, beats - 1)


class Port:
    """Bursts in the order in which the arbiter takes them; data never waits for its client.

    Attributes
    ----------
    beats : dict
        Client to beats moved.
    """

    def __init__(self, kernel: Kernel, timing: MemoryTiming) -> None:
        self._kernel, self._timing = kernel, timing
        self._wanted: dict[str, tuple[int, int]] = {}
        self._given: dict[str, Burst] = {}
        self._asked, self._picked = Signal(kernel), Signal(kernel)
        self._ends: deque[int] = deque([-1] * PORT_QUEUE, PORT_QUEUE)
        self._credit = 0  # the cycle from which bandwidth allows the next beat
        self._refreshed = 0  # refreshes before this cycle are accounted for
        self.beats = dict.fromkeys(CLIENTS, 0)
        kernel.start(self._arbitrate())

    def request(self, client: str, address: int, beats: int) -> Process:
        """Asks for a burst, waits until the arbiter takes it, and returns the :class:`Burst`."""
        self._wanted[client] = (address, beats)
        self._asked.notify()
        while client not in self._given:
            yield self._picked
        return self._given.pop(client)

    def _arbitrate(self) -> Process:
        while True:
            while not self._wanted:
                yield self._asked
            yield self._kernel.now  # others may ask in this cycle, too
            client = next(name for name in CLIENTS if name in self._wanted)
            address, beats = self._wanted.pop(client)
            accepted = max(self._kernel.now + 1, self._ends[0] + 1)
            self._given[client] = self._serve(client, accepted, address, beats)
            self.beats[client] += beats
            self._picked.notify()
            yield accepted

    def _serve(self, client: str, accepted: int, address: int, beats: int) -> Burst:
        t = self._timing
        due = accepted + (1 if client == "store" else t.latency)
        begin = max(due, self._ends[-1] + 1)
        # While a row opens the next beat is not on its way either.
        first = self._refresh(begin, max(begin, self._credit) + t.open_cycles)
        rows = 0
        if t.row_beats:
            rows = (address + beats - 1) // t.row_beats - address // t.row_beats
        moving = -(-(beats - 1) * t.cycles // t.beats) + rows * t.open_cycles
        last = self._refresh(first + 1, first + moving)
        self._credit = last + -(-t.cycles // t.beats)
        self._ends.append(last)
        return Burst(first, last, last + 1 - begin)

    def _refresh(self, begin: int, end: int) -> int:
        """`end` of something that goes on from `begin`, with the refreshes that hold it up."""
        t = self._timing
        if not t.refresh_interval:
            return end
        at = max(begin, self._refreshed)
        due = -(-at // t.refresh_interval) * t.refresh_interval
        while due <= end:
            end += t.refresh_cycles
            due += t.refresh_interval
        self._refreshed = due
        return end
