"""DENSE: a step a pair or element, when the lanes lend their multipliers; results behind them."""

from __future__ import annotations

from hw.spec.commands import Operand, Source
from hw.spec.configuration import PAIRED_FROM, Configuration
from sw.cycles.constants import (
    BIAS_START,
    BIAS_STEPS,
    DENSE_AHEAD,
    DENSE_OPERAND,
    DENSE_PAIRED,
    DENSE_RESULT,
    DENSE_SERIAL,
    DENSE_START,
    DENSE_TOKENS,
)
from sw.cycles.control import Control
from sw.cycles.kernel import ANY, SECOND, Kernel, MemoryPort, Passage, Process, Queue

CHUNK = 8
"""Steps that are taken at a time: what comes first may be noted meanwhile."""


class Dense:
    """One command at a time, token after token of a group.

    Operand words are read ahead, behind the lanes' reads of x and u memory.

    Attributes
    ----------
    busy : int
        Multiplications.
    """

    def __init__(
        self, kernel: Kernel, c: Configuration, control: Control, memories: dict[str, MemoryPort]
    ) -> None:
        self._kernel, self._lanes, self._control = kernel, c.lanes, control
        self._at_a_time = c.dense_tokens
        self._memories = memories
        self._places, self._words = Queue(kernel, ANY, latency=0), Queue(kernel, ANY)
        self._results, self._written = Queue(kernel, ANY, latency=0), Passage(kernel)
        self.busy = 0
        kernel.start(self._run())
        kernel.start(self._write())

    def _run(self) -> Process:
        done = 0
        while True:
            command = yield from self._control.units["dense"].take(done)
            f, taken = command.fields, self._kernel.now
            a_token, turns = self._word_steps(f), self._turns(f)
            words = [tokens for tokens in turns for _ in a_token]
            self._kernel.start(self._read(f, taken + DENSE_START - DENSE_OPERAND, words))
            begin = taken + (BIAS_START if f["bias"] else DENSE_START)
            written = yield from self._tokens(f, begin, a_token, turns)
            done = written + 1
            self._control.complete(command, done)

    def _turns(self, f: dict[str, int]) -> list[int]:
        """Tokens that go together, turn by turn."""
        paired = (
            self._at_a_time == 2 and f["operand"] != Operand.VALUE and f["pairs"] >= PAIRED_FROM
        )
        if not paired or f["pool"] or f["bias"]:
            return [1] * (f["groups"] * f["tokens"])
        return ([2] * (f["tokens"] // 2) + [1] * (f["tokens"] % 2)) * f["groups"]

    def _read(self, f: dict[str, int], at: int, words: list[int]) -> Process:
        """Operand words, of tokens that go together, as far ahead as there are places."""
        memory = self._memories["x_read" if f["source"] == Source.X else "u_read"]
        for number, tokens in enumerate(words):
            if number >= DENSE_AHEAD:
                at = max(at, (yield from self._places.take()))
            for _ in range(tokens):
                at = (yield from memory.take_before(at, SECOND)) + 1
            self._words.put(at - 1 + DENSE_OPERAND)

    def _tokens(self, f: dict[str, int], at: int, a_token: list[int], turns: list[int]):
        """When the last result is written."""
        weights, bias = f["pool"] == 0, f["bias"]
        rounding = self._lanes // DENSE_SERIAL * (2 if bias else 1)
        # A token's last step waits until the sums before its own are read, and have a place.
        open_tokens = DENSE_TOKENS - bias if max(turns) == 1 else DENSE_PAIRED
        apart, words = 0, len(turns) * len(a_token)
        before = number = self._written.count
        for tokens in turns:
            if bias:
                at = yield from self._steps(at, BIAS_STEPS, True)
            for word, steps in enumerate(a_token):
                at = max(at, (yield from self._words.take()))
                if word == len(a_token) - 1:
                    at = max(apart, (yield from self._steps(at, steps - 1, weights)))
                    if number - open_tokens >= before:
                        at = max(at, (yield from self._written.when(number - open_tokens + 1)) + 1)
                    at = yield from self._steps(at, 1, weights)
                else:
                    at = yield from self._steps(at, steps, weights)
                words -= 1
                if words >= DENSE_AHEAD:
                    self._places.put(at)
                self.busy += steps
            for token in range(1, tokens + 1):
                self._results.put(at - 1 + token * rounding + DENSE_RESULT)
            number += tokens
            apart = at - 1 + max(turns) * rounding
        return (yield from self._written.when(number))

    def _write(self) -> Process:
        """Results, one after another."""
        while True:
            ready = yield from self._results.take()
            written = yield from self._memories["u_write"].take(ready)
            self._written.add(written, 1, written)

    def _word_steps(self, f: dict[str, int]) -> list[int]:
        """Steps that each operand word of a token gives: pairs, or elements that are pooled."""
        if f["pool"]:
            steps, word = 2 * f["pairs"], self._lanes
        else:
            pixels = f["operand"] == Operand.PIXEL
            steps, word = f["pairs"], self._lanes if pixels else self._lanes // 2
        segment = [word] * (steps // word) + ([steps % word] if steps % word else [])
        return segment * f["segments"]

    def _steps(self, at: int, steps: int, weights: bool):
        """The cycle behind so many steps from `at` on: cycles in which no beat takes the lanes'
        multipliers, and a parameter word is to be had if the step reads one.
        """
        multipliers, parameters = self._memories["multipliers"], self._memories["parameter_read"]
        while steps:
            yield at
            chunk = multipliers.free(at, min(steps, CHUNK))
            if weights:
                chunk = parameters.free(at, chunk)
                parameters.mark(at, chunk)
            at, steps = at + chunk, steps - chunk
            if not chunk:
                at += 1
        return at
