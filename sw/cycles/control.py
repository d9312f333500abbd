"""Command fetch and dispatch: when each command reaches its unit, and when it is complete."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hw.spec.commands import ENGINE_OF, Engine, Opcode, decode
from hw.spec.configuration import Configuration
from sw.cycles.constants import (
    ASSEMBLE,
    COMMAND_BEATS,
    FETCH_BURST,
    FETCH_ROOM,
    HEAD_NEXT,
    HEAD_TAKEN,
    LOGGED,
    NEXT_COMMAND,
    OPEN_COMMANDS,
    QUEUED,
    ROOM_SEEN,
    RUN_END,
    RUN_START,
)
from sw.cycles.kernel import ANY, Kernel, Passage, Process, Queue, Signal
from sw.cycles.port import Port

_ARRAY = (Opcode.LINEAR, Opcode.CONTEXT, Opcode.PASS, Opcode.AFFINE, Opcode.SCORE)
QUEUE_OF = {
    Opcode.LOAD: "load",
    Opcode.STORE: "store",
    **dict.fromkeys(_ARRAY, "array"),
    Opcode.GRID: "pool",
    Opcode.BRANCH: "pool",
    Opcode.DENSE: "dense",
}
UNITS_OF = {
    Opcode.LOAD: ("load",),
    Opcode.STORE: ("store",),
    Opcode.LINEAR: ("array", "lanes"),
    Opcode.CONTEXT: ("array", "lanes"),
    Opcode.PASS: ("lanes",),
    Opcode.AFFINE: ("lanes",),
    Opcode.SCORE: ("array", "attention"),
    Opcode.GRID: ("pool",),
    Opcode.BRANCH: ("pool",),
    Opcode.DENSE: ("dense",),
}


@dataclass(frozen=True)
class Command:
    """A command of the program: its place, opcode and fields."""

    index: int
    opcode: Opcode
    fields: dict[str, int]

    @property
    def engine(self) -> Engine:
        """The engine that completes it."""
        return ENGINE_OF[self.opcode]

    @cached_property
    def waits(self) -> list[tuple[Engine, int]]:
        """Engines and the completions of each to wait for."""
        return [(e, n) for e in Engine if (n := self.fields[f"after_{e.name.lower()}"])]


class Control:
    """Fetches the program through the port, and sends each queue's head when its waits hold.

    Attributes
    ----------
    units : dict
        Unit to the queue that its commands come from.
    completions : list of (cycle, Engine, tag)
        As the simulator logs them, in order of time.
    cycles : int
        Length of the run, once it is over.
    held : int
        Cycles in which the memory port was command fetch's.
    """

    def __init__(
        self, kernel: Kernel, c: Configuration, port: Port, words: list[int], address: int
    ) -> None:
        self._kernel, self._port, self._address = kernel, port, address
        self._commands = [Command(i, *decode(word)) for i, word in enumerate(words)]
        self._queues = {name: Queue(kernel, c.queue_depth) for name in set(QUEUE_OF.values())}
        self._bursts: list = []
        self._arrived, self._used = Signal(kernel), Passage(kernel)
        self._open = dict.fromkeys(Engine, 0)
        self._count = dict.fromkeys(Engine, 0)
        self._done = {e: Signal(kernel) for e in Engine}
        self.units = {
            unit: Queue(kernel, ANY, latency=0) for units in UNITS_OF.values() for unit in units
        }
        self.completions: list[tuple[int, Engine, int]] = []
        self.cycles = self.held = 0
        kernel.start(self._request(), RUN_START)
        kernel.start(self._fetch())
        for queue in self._queues.values():
            kernel.start(self._dispatch(queue))

    def complete(self, command: Command, cycle: int) -> None:
        """The command's completion pulse comes in `cycle`."""
        self._kernel.start(self._complete(command), cycle)

    def _complete(self, command: Command) -> Process:
        engine, now = command.engine, self._kernel.now
        self._count[engine] += 1
        self._open[engine] -= 1
        self.completions.append((now + LOGGED, engine, command.fields["tag"]))
        self.cycles = max(self.cycles, now + RUN_END)
        self._done[engine].notify()
        yield from ()

    def _request(self) -> Process:
        """Asks for bursts while there is room, until END has arrived."""
        address, ahead = self._address, FETCH_ROOM // FETCH_BURST - 1
        end = COMMAND_BEATS * (len(self._commands) - 1)
        while True:
            asked = len(self._bursts)
            if asked > ahead:
                yield (yield from self._used.when(FETCH_BURST * (asked - ahead))) + ROOM_SEEN
            if asked * FETCH_BURST > end and self._beat(end) < self._kernel.now:
                return
            burst = yield from self._port.request("program", address, FETCH_BURST)
            self._bursts.append(burst)
            self.held += burst.held
            self._arrived.notify()
            address += FETCH_BURST
            yield self._kernel.now + 2

    def _beat(self, number: int) -> int:
        """When a beat of the program arrives."""
        burst, place = self._bursts[number // FETCH_BURST], number % FETCH_BURST
        return burst.beat(place + 1, FETCH_BURST)

    def _fetch(self) -> Process:
        """Assembles commands and sorts them into the queues."""
        gone = 0
        for command in self._commands:
            last = COMMAND_BEATS * (command.index + 1) - 1
            while last // FETCH_BURST >= len(self._bursts):
                yield self._arrived
            there = max(self._beat(last) + ASSEMBLE, gone + NEXT_COMMAND)
            self._used.add(there - COMMAND_BEATS, COMMAND_BEATS, there - 1)
            yield there
            if command.opcode is Opcode.END:
                self.cycles = max(self.cycles, there + RUN_END - 1)
                self._used.add(there, FETCH_ROOM, there + FETCH_ROOM)  # dropped
                return
            queue = self._queues[QUEUE_OF[command.opcode]]
            yield from queue.room()
            queue.put(command)
            gone = self._kernel.now

    def _dispatch(self, queue: Queue) -> Process:
        """Offers heads to their units; the next one follows when all of them have taken it."""
        gone = 0
        while True:
            command = yield from queue.take(gone)
            yield self._kernel.now + QUEUED - 1
            for engine, count in command.waits:
                while self._count[engine] < count:
                    yield self._done[engine]
            yield max(self._kernel.now + 1, gone + HEAD_NEXT)
            while self._open[command.engine] >= OPEN_COMMANDS:
                yield self._done[command.engine]
                yield self._kernel.now + 1
            self._open[command.engine] += 1
            units = [self.units[unit] for unit in UNITS_OF[command.opcode]]
            for unit in units:
                unit.put(command)
            for unit in units:
                while not unit.empty:
                    yield unit.changed
            gone = self._kernel.now + HEAD_TAKEN
