"""Engine time of every command, and of every layer.

A command's cycles are those from when it could begin to its completion: it could begin when its
engine had completed the command before, and every engine the commands that it waits for.  These
spans of an engine do not overlap, so their sum is at most the run's cycles; what is missing from
it is the time in which the engine had nothing that could begin.  A command whose array part runs
while the lanes still finish the command before (array-bound behind lane-bound) shows only what it
takes longer than that one: it may show less than its bound.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from hw.spec.commands import Engine
from sim.network.run import NetworkRun
from sim.network.taps import completion_cycles
from sw.compiler.schedule import NetworkProgram
from sw.compiler.schedule.program import Operation, bound
from sw.cycles.model import Prediction
from sw.cycles.traffic import BEAT_BYTES, Traffic

LONG = 1000
"""Cycles beyond which a command's prediction is judged: below, a few cycles are many per cent."""
NEAR = 0.05
"""Deviation of a good prediction."""
AFTER_BIT, AFTER_BITS = 16, 16
"""Where a command's ``after_*`` fields begin, behind opcode and tag; bits of each."""


@dataclass(frozen=True)
class Spans:
    """When every operation could begin and was complete: int64 (operations,), cycles from start."""

    begin: np.ndarray
    end: np.ndarray

    @property
    def cycles(self) -> np.ndarray:
        """Engine time of every operation."""
        return self.end - self.begin


def spans(program: NetworkProgram, completions: list[tuple[int, Engine, int]]) -> Spans:
    """Begin and end of every command, from a run's completions or predicted ones."""
    end = completion_cycles(program.operations, completions)
    by_engine: dict[Engine, list[int]] = {engine: [] for engine in Engine}
    for cycle, engine, _ in completions:
        by_engine[engine].append(cycle)
    begin = np.zeros_like(end)
    previous = dict.fromkeys(Engine, 0)
    for i, operation in enumerate(program.operations):
        times = [previous[operation.engine]]
        for engine in Engine:
            after = program.words[i] >> AFTER_BIT + AFTER_BITS * engine & (1 << AFTER_BITS) - 1
            if after:
                times.append(by_engine[engine][after - 1])
        begin[i] = max(times)
        previous[operation.engine] = end[i]
    return Spans(begin, end)


@dataclass
class Row:
    """Commands of one layer on one engine, or one command.

    Attributes
    ----------
    name : str
        ``stage1.block0.query``.
    part : str
        What :func:`part` says of its commands.
    cycles, predicted : int
        Engine time, measured and by the cycle model.
    bound : int
        The least cycles: MAC, post-processed elements, or the dense unit's steps.
    macs : int
        Binary multiply-accumulates.
    moved : Counter
        Bytes through the memory port by kind.
    """

    name: str
    engine: str
    part: str
    count: int = 0
    cycles: int = 0
    predicted: int = 0
    bound: int = 0
    macs: int = 0
    elements: int = 0
    steps: int = 0
    moved: Counter[str] = field(default_factory=Counter)

    @property
    def deviation(self) -> float:
        """Of the prediction from the measured cycles, as a part of them."""
        return self.predicted / self.cycles - 1 if self.cycles else 0.0


def rows(
    program: NetworkProgram, run: NetworkRun, prediction: Prediction, each: bool = False
) -> list[Row]:
    """A row a layer and engine, block by block; with `each`, a row a command, in program order."""
    traffic, cycles = Traffic(program), spans(program, run.completions).cycles
    predicted = spans(program, prediction.completions).cycles
    table: dict[tuple, Row] = {}
    for i, operation in enumerate(program.operations):
        name = ".".join(part for part in (operation.block, operation.layer) if part)
        engine = operation.engine.name.lower()
        row = table.setdefault((name, engine, i if each else 0), Row(name, engine, part(operation)))
        row.count += 1
        row.cycles += int(cycles[i])
        row.predicted += int(predicted[i])
        row.macs += operation.macs
        row.elements += operation.elements
        row.steps += operation.steps
        beats = traffic.beats(operation)
        if beats:
            row.moved[traffic.kind(operation)] += BEAT_BYTES * beats
    for row in table.values():
        row.bound = max(bound(program.configuration, row.macs, row.elements), row.steps)
    if each:
        return list(table.values())
    # Loads run ahead of their layer: parts come in the order in which they compute.
    parts = list(dict.fromkeys(part(o) for o in program.operations if o.engine is not Engine.LOAD))
    return sorted(table.values(), key=lambda row: parts.index(row.part))


def part(operation: Operation) -> str:
    """``stem``, a block, ``stage2.embedding`` or ``head``."""
    if operation.block:
        return operation.block
    first, _, rest = operation.layer.partition(".")
    if first.startswith("stage"):
        return f"{first}.{rest.split('.', 1)[0]}"
    return "stem" if first == "stem" else "head"


def worst(commands: list[Row]) -> Row | None:
    """Of the commands of more than LONG cycles, the one that was predicted worst."""
    long = [row for row in commands if row.cycles > LONG]
    return max(long, key=lambda row: abs(row.deviation), default=None)


def network_bound(layers: list[Row]) -> int:
    """Layer-by-layer bound of the binary layers, in cycles: one layer after another."""
    return sum(row.bound for row in layers if row.macs)
