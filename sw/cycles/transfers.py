"""LOAD and STORE: bursts through the memory port, words into and out of the on-chip memories."""

from __future__ import annotations

from hw.spec.commands import Source, Target
from hw.spec.configuration import Configuration
from sw.cycles.constants import (
    BURST_SIZED,
    LOAD_BURST,
    LOAD_FLIGHT,
    LOAD_QUEUE,
    LOAD_WRITE,
    STORE_BURST,
    STORE_ROOM,
)
from sw.cycles.control import Command, Control
from sw.cycles.kernel import ANY, THIRD, Kernel, MemoryPort, Passage, Process, Queue
from sw.cycles.port import Port


class Loader:
    """Requests run ahead of the writes by up to LOAD_FLIGHT beats and OPEN_COMMANDS commands.

    Attributes
    ----------
    held : dict
        Command's place in the program to the cycles in which the port was its own.
    """

    def __init__(
        self,
        kernel: Kernel,
        c: Configuration,
        control: Control,
        port: Port,
        memories: dict[str, MemoryPort],
    ) -> None:
        self._kernel, self._control, self._port, self._c = kernel, control, port, c
        self._memories = {Target.X: memories["x_write"], Target.COLUMN: memories["column_write"]}
        self._commands, self._bursts = Queue(kernel, ANY), Queue(kernel, ANY)
        self._taken = Passage(kernel)
        self.held: dict[int, int] = {}
        kernel.start(self._request())
        kernel.start(self._write())

    def beats_a_word(self, target: int) -> int:
        """Port beats of a word."""
        beats = {Target.COLUMN: self._c.column_beats, Target.EXP: 1}
        return beats.get(Target(target), self._c.lane_beats)

    def _request(self) -> Process:
        asked = 0
        while True:
            command = yield from self._control.units["load"].take()
            self._commands.put(command)
            f = command.fields
            address, left = f["address"], f["words"] * self.beats_a_word(f["target"])
            self.held[command.index] = 0
            yield self._kernel.now + BURST_SIZED
            while left:
                beats = min(left, LOAD_BURST)
                if asked + beats > LOAD_FLIGHT:
                    yield (yield from self._taken.when(asked + beats - LOAD_FLIGHT)) + 1
                burst = yield from self._port.request("load", address, beats)
                self.held[command.index] += burst.held
                self._bursts.put((burst, beats))
                asked, address, left = asked + beats, address + beats, left - beats
                if left:
                    yield self._kernel.now + BURST_SIZED

    def _write(self) -> Process:
        end = 0  # when the last beat so far left the queue
        while True:
            command = yield from self._commands.take()
            f = command.fields
            a_word = self.beats_a_word(f["target"])
            left = f["words"] * a_word
            memory = self._memories.get(Target(f["target"]))
            while left:
                burst, beats = yield from self._bursts.take()
                left -= beats
                if memory is None:  # nobody else writes there
                    first = max(burst.first + LOAD_QUEUE, end + 1)
                    end = max(burst.last + LOAD_QUEUE, end + beats)
                    self._taken.add(first, beats, end)
                    continue
                for last in range(a_word, beats + 1, a_word):
                    leaves = max(burst.beat(last, beats) + LOAD_QUEUE, end + a_word)
                    # x is written a word at a time, column memory beat by beat.
                    writes = 1 if f["target"] == Target.X else a_word
                    begin = end + 1
                    end = (yield from memory.take(leaves + 2 - writes, writes)) - 1
                    self._taken.add(begin, a_word, end)
            self._control.complete(command, end + LOAD_WRITE)


class Store:
    """Reads words into a buffer and asks for a burst when all its beats are there."""

    def __init__(
        self,
        kernel: Kernel,
        c: Configuration,
        control: Control,
        port: Port,
        memories: dict[str, MemoryPort],
    ) -> None:
        self._kernel, self._control, self._port, self._c = kernel, control, port, c
        self._memories = memories
        self._sent, self._banked = Passage(kernel), Queue(kernel, ANY)
        self.held: dict[int, int] = {}
        kernel.start(self._read())
        kernel.start(self._send())

    def _read(self) -> Process:
        n, pushed = self._c.lane_beats, 0
        at = 0
        while True:
            command: Command = yield from self._control.units["store"].take(at)
            f = command.fields
            memory = self._memories["x_read" if f["source"] == Source.X else "u_read"]
            left, address = f["words"] * n, f["address"]
            at = max(at, self._kernel.now + 1)
            while left:
                beats = min(left, STORE_BURST)
                for _ in range(beats // n):
                    pushed += n
                    if pushed > STORE_ROOM:
                        at = max(at, (yield from self._sent.when(pushed - STORE_ROOM)) + 1)
                    granted = yield from memory.take_before(at, THIRD)
                    at = granted + n
                left -= beats
                yield granted
                self._banked.put((command, address, beats, granted + n + 1, left == 0))
                address += beats
            at = granted

    def _send(self) -> Process:
        while True:
            command, address, beats, banked, last = yield from self._banked.take()
            yield banked
            burst = yield from self._port.request("store", address, beats)
            self.held[command.index] = self.held.get(command.index, 0) + burst.held
            self._sent.add(burst.first, beats, burst.last)
            if last:
                self._control.complete(command, burst.last + 1)
