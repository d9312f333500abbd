"""The order of a program: every command at its start in a simple model of time.

Commands are fetched in order and each engine's queue is short, so a command that waits for long
holds up what stands behind it.  With all engines free-running, and loads as early as their words
are free, the order of starts is one in which nothing waits for its place in the program.  It keeps
the order of any two commands that depend on each other: the later one starts after the earlier
one's end.  The model only sets the order; nothing relies on its cycles.
"""

from __future__ import annotations

from hw.spec.commands import Engine, Opcode, Target
from hw.spec.configuration import Configuration
from sw.compiler.schedule.assemble import waits
from sw.compiler.schedule.program import Operation

LATENCY = 25
"""Cycles that a command takes beyond its work."""
_ARRAY = {Engine.MAIN, Engine.ATTENTION}
"""Engines that share the array's queue."""


def by_start(
    operations: list[Operation], sizes: dict[str, int], configuration: Configuration
) -> list[Operation]:
    """The operations in the order of their starts, each engine's in their own order."""
    ends: dict[Engine, list[int]] = {engine: [0] for engine in Engine}
    free = dict.fromkeys(Engine, 0)
    starts = []
    for operation, after in zip(operations, waits(operations, sizes), strict=True):
        engine = operation.engine
        waited = [ends[other][after[f"after_{other.name.lower()}"]] for other in Engine]
        start = max(free[engine], *waited)
        work = cycles(operation, configuration)
        for sharer in _ARRAY if engine in _ARRAY else {engine}:
            free[sharer] = start + work
        ends[engine].append(max(ends[engine][-1], start + work + LATENCY))
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
    if opcode is Opcode.LINEAR:
        return max(lanes, operands)
    return max(lanes, 2 * operands) if opcode is Opcode.CONTEXT else lanes
