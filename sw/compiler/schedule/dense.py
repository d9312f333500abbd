"""Commands of the dense unit: integer matrices group by group, channel pooling of any ratio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hw.spec.commands import Opcode, Operand, Target
from hw.spec.configuration import PAIRED_FROM
from sw.compiler.packed import PackedLayer
from sw.compiler.schedule.emit import SOURCE, Emitter
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.program import Access, At, Buffer

LOAD_PARTS = 4
"""LOADs of a unit of a matrix: two of a wide matrix's units do not fit parameter memory at once."""


def matrix_words(matrix: np.ndarray, bias: np.ndarray | None, lanes: int) -> np.ndarray:
    """Parameter words of an integer matrix: int16, shape (groups, words a group, lanes).

    A word is a pair of weights a lane; a bias stands in front, low halves, then high halves.
    Outputs and fan-in are filled up with zeros.
    """
    outputs, fan_in = matrix.shape
    groups = -(-outputs // lanes)
    padded = np.zeros((groups * lanes, fan_in + fan_in % 2), np.int8)
    padded[:outputs, :fan_in] = matrix
    words = padded.view("<i2").reshape(groups, lanes, -1).transpose(0, 2, 1)
    if bias is not None:
        front = np.zeros(groups * lanes, "<i4")
        front[:outputs] = bias
        halves = front.view("<i2").reshape(groups, lanes, 2).transpose(0, 2, 1)
        words = np.concatenate([halves, words], axis=1)
    return np.ascontiguousarray(words)


@dataclass(frozen=True)
class Operands:
    """How DENSE reads a run of tokens: :class:`hw.spec.commands.Operand`, segments, pairs."""

    kind: Operand
    values: Values
    pairs: int
    segments: int = 1
    segment_words: int = 0

    @property
    def steps(self) -> int:
        """Cycles that a token of a group takes at least: a pair each."""
        return self.segments * self.pairs

    def access(self, tokens: int) -> Access:
        """What is read: every segment is the next run of so many words."""
        last = self.segment_words * (self.segments - 1) // self.values.token_words
        return self.values.access(tokens + last, False)


class Matrix:
    """An integer matrix that streams through parameter memory, some groups at a time.

    Parameters
    ----------
    name : str
        The layer's, in operations.
    """

    def __init__(self, e: Emitter, name: str, layer: PackedLayer) -> None:
        self._e, self.name = e, name
        self._words = matrix_words(layer.matrix, layer.bias, e.c.lanes)
        self.groups, self.group_words = self._words.shape[:2]
        self._bias = layer.bias is not None
        self._shift = layer.scalars.get("sum_shift", 0)

    @property
    def stays(self) -> bool:
        """Half of parameter memory holds all of it: it need not be loaded twice."""
        return 2 * self.groups * self.group_words <= self._e.c.parameter_words

    def units(self) -> Iterator[tuple[int, int, Buffer]]:
        """Groups [first, last) and their words, each loaded in front of its first use."""
        room = self._e.c.parameter_words // (2 if self.stays else 4)
        step = max(1, room // self.group_words)
        for first in range(0, self.groups, step):
            last = min(first + step, self.groups)
            yield (
                first,
                last,
                self._e.once((self.name, first), lambda f=first, s=last: self._load(f, s)),
            )

    def _load(self, first: int, last: int) -> Buffer:
        words = self._words[first:last].reshape(-1, self._e.c.lanes)
        key = (self.name, "matrix", first)
        return self._e.load(self.name, Target.PARAMETER, "weights", words, key, LOAD_PARTS)

    def multiply(self, first: int, rows: list[tuple[Operands, int]], destination: Values) -> None:
        """DENSE over runs of tokens; their results follow one another at `destination`.

        Parameters
        ----------
        first : int
            The first output token, for traces.
        rows : list
            Operands and tokens of each run.
        """
        words = 2 if self._bias else 1
        for group, last, weights in self.units():
            at = 0
            for operands, tokens in rows:
                out = destination.at(at)
                fields = _fields(operands, tokens, out, words * group) | {
                    "groups": last - group,
                    "parameter_base": At(weights),
                    "parameter_group": self.group_words,
                    "bias": int(self._bias),
                    "shift": self._shift,
                }
                accesses = [
                    operands.access(tokens),
                    Access(weights, 0, weights.words, False),
                    out.access(tokens, True, words * group, words * last),
                ]
                detail = {"first": first + at, "tokens": tokens, "group": group}
                bytes_ = operands.kind is not Operand.VALUE and not self._bias
                paired = bytes_ and operands.pairs >= PAIRED_FROM
                at_a_time = self._e.c.dense_tokens if paired else 1
                steps = (last - group) * -(-tokens // at_a_time) * operands.steps
                self._e.add(Opcode.DENSE, self.name, fields, accesses, detail, steps=steps)
                at += tokens


def pool_channels(
    e: Emitter, name: str, first: int, tokens: int, y: Values, ratio: int, destination: Values
) -> None:
    """DENSE: means of `ratio` adjacent channels of `y`."""
    operands = Operands(Operand.VALUE, y, e.c.lanes * ratio // 2)
    fields = _fields(operands, tokens, destination, 0) | {
        "group": ratio,
        "pool": ratio,
        "groups": destination.token_words,
        "shift": (ratio - 1).bit_length(),
    }
    accesses = [operands.access(tokens), destination.access(tokens, True)]
    detail = {"first": first, "tokens": tokens, "group": 0}
    # An element a cycle.
    steps = destination.token_words * tokens * 2 * operands.steps
    e.add(Opcode.DENSE, name, fields, accesses, detail, steps=steps)


def _fields(operands: Operands, tokens: int, out: Values, word: int) -> dict[str, int | At]:
    """The fields that say where operands are and where results go."""
    values = operands.values
    return {
        "source": int(SOURCE[values.buffer.memory]),
        "base": At(values.buffer, values.offset),
        "token": values.token_words,
        "segments": operands.segments,
        "segment": operands.segment_words,
        "operand": int(operands.kind),
        "pairs": operands.pairs,
        "tokens": tokens,
        "destination_base": At(out.buffer, out.offset + word),
        "destination_token": out.token_words,
    }
