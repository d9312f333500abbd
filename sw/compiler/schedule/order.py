"""The order of a program: every command at its start in a simple model of time.

Commands are fetched in order and each engine's queue is short, so a command that waits for long
holds up what stands behind it.  With all engines free-running, and loads whenever their words and
the port are free, the order of starts is one in which nothing waits for its place in the program.
It keeps the order of any two commands that depend on each other: the later one starts after the
earlier one's end.  The model only sets the order; nothing relies on its cycles.
"""

from __future__ import annotations

from bisect import bisect_right, insort

import numpy as np

from hw.spec.commands import Engine, Opcode, Target
from hw.spec.configuration import Configuration
from sw.compiler.schedule.assemble import Hazards, passes_over
from sw.compiler.schedule.program import Operation

LATENCY = 25
"""Cycles that a command takes beyond its work."""
AHEAD = 8192
"""Cycles that something is loaded before its turn at most."""
_UNITS = {
    Opcode.LINEAR: ("array", "lanes"),
    Opcode.CONTEXT: ("array", "lanes"),
    Opcode.SCORE: ("array",),
    Opcode.PASS: ("lanes",),
    Opcode.AFFINE: ("lanes",),
}
"""Units that share a queue, by what goes through it."""


class _Port:
    """The cycles in which the port brings something, without order."""

    def __init__(self) -> None:
        self._busy: list[tuple[int, int]] = [(-1, 0)]

    def take(self, ready: int, work: int) -> int:
        """The first of `work` cycles from `ready` on that nothing has; they are taken."""
        place = max(0, bisect_right(self._busy, (ready, 0)) - 1)
        start = max(ready, self._busy[place][1])
        for begin, end in self._busy[place + 1 :]:
            if start + work <= begin:
                break
            start = max(start, end)
        insort(self._busy, (start, start + work))
        return start


def by_start(
    operations: list[Operation], sizes: dict[str, int], configuration: Configuration
) -> list[Operation]:
    """The operations in the order of their starts, each engine's but LOAD's in their own order."""
    ends, port, starts = Hazards(sizes), _Port(), []
    free: dict[str | Engine, int] = {}
    queued = 0  # when the last command of the queue of array and lanes went
    for operation in operations:
        engine, units = operation.engine, _UNITS.get(operation.opcode, (operation.engine,))
        ready = 0
        for access in operation.accesses:
            after = ends.conflicts(access)
            if engine is not Engine.LOAD and passes_over(engine, access):
                after = np.delete(after, engine)
            ready = max(ready, int(after.max()))
        work = cycles(operation, configuration)
        if engine is Engine.LOAD:
            start = port.take(max(ready, free.get("lanes", 0) - AHEAD), work)
        else:
            start = max(ready, *(free.get(unit, 0) for unit in units))
            if operation.opcode in _UNITS:
                start = queued = max(start, queued)
        for unit in units:
            free[unit] = start + work
        for access in operation.accesses:
            ends.record(access, engine, start + work + LATENCY)
        starts.append(start)
    return [operations[i] for i in sorted(range(len(starts)), key=lambda i: (starts[i], i))]


def cycles(operation: Operation, c: Configuration) -> int:
    """Cycles of work of an operation, about; at least 1."""
    f = operation.fields
    opcode = operation.opcode
    if opcode in (Opcode.LOAD, Opcode.STORE):
        beats = {Target.COLUMN: c.column_beats, Target.EXP: 1}
        return f["words"] * beats.get(f.get("target"), c.lane_beats)
    if opcode is Opcode.GRID:
        return f["outputs"] * f["words"] * f["height"] * f["window"]
    if opcode is Opcode.BRANCH:
        return f["width"] * f["words"] * (c.lanes // c.pool_lanes)
    if opcode is Opcode.DENSE:
        return operation.steps
    tokens = (f["tiles"] - 1) * c.rows + f["last_tokens"]
    groups = f["outer"] * f["inner"]
    operands = f["tiles"] * groups * f["heads"] * f["words"] * c.group_tiles
    if opcode is Opcode.SCORE:
        return max(operands, 2 * tokens * groups)
    lanes = tokens * groups * f.get("sets", 1)
    return max(lanes, operands) if opcode in (Opcode.LINEAR, Opcode.CONTEXT) else lanes
