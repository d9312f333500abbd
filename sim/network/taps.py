"""Which command of a program each beat of a tap belongs to.

Tags count commands modulo 4096.  An engine completes its commands in program order, so its k-th
completion is that of its k-th command; and what a command shows comes before it is complete.  A
beat is thus of the first command of its tag that completes in or after the beat's cycle.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from hw.spec.commands import Engine
from sim.block.taps import tap_fields, unpack
from sim.errors import SimulationError
from sim.native import NativeSimulator
from sw.compiler.schedule import NetworkProgram
from sw.compiler.schedule.program import Operation

TAGS = 4096


def completion_cycles(
    operations: list[Operation], completions: list[tuple[int, Engine, int]]
) -> np.ndarray:
    """Cycle, counted from start, in which every operation was complete: int64 (operations,).

    Raises
    ------
    SimulationError
        If what completed is not what the program holds.
    """
    queues: dict[Engine, list[tuple[int, int]]] = defaultdict(list)
    for cycle, engine, tag in completions:
        queues[engine].append((cycle, tag))
    cycles = np.zeros(len(operations), dtype=np.int64)
    count = dict.fromkeys(Engine, 0)
    for i, operation in enumerate(operations):
        engine = operation.engine
        at = count[engine]
        count[engine] += 1
        shown = queues[engine][at] if at < len(queues[engine]) else None
        if shown is None or shown[1] != operation.tag:
            got = "nothing" if shown is None else f"tag {shown[1]}"
            raise SimulationError(
                f"completion {at} of engine {engine.name}: {got}, expected tag {operation.tag} "
                f"({operation.block} {operation.layer}); the program or its dispatch is wrong"
            )
        cycles[i] = shown[0]
    return cycles


class NetworkTaps:
    """What every tap of a simulator showed in the last run, by command.

    Beats stay packed until they are asked for: a large network shows gigabytes of values.
    """

    def __init__(self, program: NetworkProgram, simulator: NativeSimulator) -> None:
        operations = program.operations
        self._fields = tap_fields(program.configuration)
        complete = completion_cycles(operations, simulator.completions())
        by_tag: dict[int, list[int]] = defaultdict(list)
        for i, operation in enumerate(operations):
            by_tag[operation.tag].append(i)
        self._index = {id(operation): i for i, operation in enumerate(operations)}
        self._beats: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._first: dict[str, np.ndarray] = {}
        engines = np.array([operation.engine for operation in operations])
        for tap in self._fields:
            cycles, data = simulator.raw_trace(tap)
            owner = _owners(tap, cycles, data, by_tag, complete, engines)
            order = np.argsort(owner, kind="stable")
            self._beats[tap] = (cycles[order], data[order])
            self._first[tap] = np.searchsorted(owner[order], np.arange(len(operations) + 1))

    def fields(self, tap: str, operation: Operation) -> dict[str, np.ndarray]:
        """Field name to int64 (beats, elements), in order of time."""
        i = self._index[id(operation)]
        cycles, data = self._beats[tap]
        rows = slice(*self._first[tap][i : i + 2])
        return unpack(cycles[rows], data[rows], self._fields[tap]).fields


TAP_ENGINES = {
    "lanes": Engine.MAIN,
    "score": Engine.ATTENTION,
    "probability": Engine.ATTENTION,
    "branch": Engine.POOL,
    "grid": Engine.POOL,
    "dense": Engine.DENSE,
}
"""The engine whose commands a tap shows."""


def _owners(
    tap: str,
    cycles: np.ndarray,
    data: np.ndarray,
    by_tag: dict[int, list[int]],
    complete: np.ndarray,
    engines: np.ndarray,
) -> np.ndarray:
    """Operation of every beat; -1 for a beat that is of none."""
    owner = np.full(len(cycles), -1, dtype=np.int64)
    if not len(cycles):
        return owner
    tags = (data[:, 0].astype(np.int64) | data[:, 1].astype(np.int64) << 8) % TAGS
    for tag in np.unique(tags):
        candidates = np.array(by_tag.get(int(tag), []), dtype=np.int64)
        candidates = candidates[engines[candidates] == TAP_ENGINES[tap]]
        rows = np.flatnonzero(tags == tag)
        at = np.searchsorted(complete[candidates], cycles[rows])
        known = at < len(candidates)
        owner[rows[known]] = candidates[at[known]]
    return owner
