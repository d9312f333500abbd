"""DENSE: a step a pair or element, a parameter word each; a result at a time behind them."""

from __future__ import annotations

from hw.spec.commands import Operand, Source
from hw.spec.configuration import Configuration
from sw.cycles.constants import (
    BIAS_RESULT,
    BIAS_STEPS,
    DENSE_AHEAD,
    DENSE_OPERAND,
    DENSE_RESULT,
    DENSE_START,
)
from sw.cycles.control import Control
from sw.cycles.kernel import ANY, Kernel, MemoryPort, Process, Queue

LEAD = 1
"""Cycles by which reads are noted before they come: the store, behind them, sees them."""


class Dense:
    """One command at a time, token after token of a group.

    Operand words are read ahead, behind everybody else's reads of x and u memory.

    Attributes
    ----------
    busy : int
        Multiplications.
    """

    def __init__(
        self, kernel: Kernel, c: Configuration, control: Control, memories: dict[str, MemoryPort]
    ) -> None:
        self._kernel, self._lanes, self._control = kernel, c.lanes, control
        self._memories = memories
        self._places, self._words = Queue(kernel, ANY), Queue(kernel, ANY)
        self.busy = 0
        kernel.start(self._run())

    def _run(self) -> Process:
        done = 0
        while True:
            command = yield from self._control.units["dense"].take(done)
            f, begin = command.fields, self._kernel.now + DENSE_START
            a_token = self._word_steps(f)
            words = f["groups"] * f["tokens"] * len(a_token)
            self._kernel.start(self._read(f, begin - DENSE_OPERAND, words))
            written = yield from self._tokens(f, begin, a_token)
            done = written + 1
            self._control.complete(command, done)

    def _read(self, f: dict[str, int], at: int, words: int) -> Process:
        """Operand words, as far ahead as there are places."""
        memory = self._memories["x_read" if f["source"] == Source.X else "u_read"]
        for word in range(words):
            if word >= DENSE_AHEAD:
                at = max(at, (yield from self._places.take()))
            at = (yield from memory.take(at, 1, LEAD)) + 1
            self._words.put(at - 1 + DENSE_OPERAND)

    def _tokens(self, f: dict[str, int], at: int, a_token: list[int]):
        """When the last result is written."""
        finishing = BIAS_STEPS if f["bias"] else 1  # wait until the result before has left
        result = BIAS_RESULT if f["bias"] else DENSE_RESULT + f["shift"]
        free = written = 0
        words = f["groups"] * f["tokens"] * len(a_token)
        for _ in range(f["groups"] * f["tokens"]):
            for number, steps in enumerate(a_token):
                at = max(at, (yield from self._words.take()))
                if number == len(a_token) - 1 and not f["bias"]:
                    at = yield from self._steps(f, at, steps - 1)
                    at = yield from self._steps(f, max(at, free), 1)
                else:
                    at = yield from self._steps(f, at, steps)
                words -= 1
                if words >= DENSE_AHEAD:
                    self._places.put(at)
                self.busy += steps
            if f["bias"]:
                at = yield from self._steps(f, max(at, free), finishing)
            written = yield from self._memories["u_write"].take(at - 1 + result)
            free = written + 1
        return written

    def _word_steps(self, f: dict[str, int]) -> list[int]:
        """Steps that each operand word of a token gives."""
        a_pair, word = {
            Operand.PIXEL: (1, self._lanes),
            Operand.NORMED: (1, self._lanes // 2),
            Operand.VALUE: (2, self._lanes),
        }[Operand(f["operand"])]
        steps = f["pairs"] * a_pair
        segment = [word] * (steps // word) + ([steps % word] if steps % word else [])
        return segment * f["segments"]

    def _steps(self, f: dict[str, int], at: int, steps: int):
        """The cycle behind so many steps from `at` on."""
        if f["pool"] or not steps:
            return at + steps
        return (yield from self._memories["parameter_read"].take(at, steps)) + 1
