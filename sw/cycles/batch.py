"""What it would give to fetch the weights of the last stages once for several pictures.

A block that runs for B pictures in a row reads its weights and parameters once, so a picture's
share of their traffic is 1/B; but x of the B pictures must be somewhere.  Where they do not fit x
memory together, each one's x comes in and goes out through the memory port in every block.  The
average picture of a batch is the network's program with the LOADs of those stages that much
shorter (or longer): no program that computes anything, but one whose cycles can be predicted, and
simulated, for no cycle depends on a value.
"""

from __future__ import annotations

import re

from hw.spec.commands import Opcode, decode, encode
from sw.compiler.packed import Shape
from sw.compiler.schedule import NetworkProgram
from sw.compiler.schedule.program import Operation
from sw.cycles.traffic import Traffic

LATE = 2
"""Stages at the end that a batch shares."""


def stage_of(operation: Operation) -> int:
    """The stage of a block's or an embedding's operation; 0 elsewhere."""
    found = re.match(r"stage(\d+)\.", operation.block or operation.layer)
    return int(found.group(1)) if found else 0


def weight_beats(program: NetworkProgram, stage: int) -> int:
    """Beats of weights and parameters that a stage loads."""
    traffic = Traffic(program)
    return sum(traffic.beats(o) for o in _shared(program, traffic) if stage_of(o) == stage)


def shares(program: NetworkProgram, shape: Shape, pictures: int, carried: bool) -> dict[int, float]:
    """Port traffic of a picture in a batch, by late stage, as a part of what it is alone.

    Parameters
    ----------
    pictures : int
        Pictures of a batch, at least 1.
    carried : bool
        Whether x of pictures that x memory cannot hold together passes the port in every block.
        A stage that this costs more than it saves is not shared: its part is 1.
    """
    c, result = program.configuration, {}
    for stage in range(max(1, shape.stages - LATE + 1), shape.stages + 1):
        x_words = shape.tokens(stage) * shape.channels[stage - 1] // c.lanes
        moved = 0
        if carried and pictures * x_words > c.x_words:
            moved = 2 * x_words * c.lane_beats * shape.depths[stage - 1]
        result[stage] = min(1.0, 1 / pictures + moved / weight_beats(program, stage))
    return result


def batched(program: NetworkProgram, parts: dict[int, float]) -> list[int]:
    """The program's commands with the weights and parameters of stages cut to a part of them."""
    traffic, words = Traffic(program), list(program.words)
    shared = {id(operation) for operation in _shared(program, traffic)}
    exact = dict.fromkeys(parts, 0.0)  # words that a stage should have loaded, less those it has
    for i, operation in enumerate(program.operations):
        stage = stage_of(operation)
        if id(operation) not in shared or parts.get(stage, 1.0) == 1.0:
            continue
        _, fields = decode(words[i])
        exact[stage] += fields["words"] * parts[stage]
        fields["words"] = max(1, round(exact[stage]))  # a LOAD has at least one
        exact[stage] -= fields["words"]
        fields.pop("opcode")
        words[i] = encode(Opcode.LOAD, **fields)
    return words


def _shared(program: NetworkProgram, traffic: Traffic) -> list[Operation]:
    """LOADs of weights and parameters."""
    return [
        operation
        for operation in program.operations
        if operation.opcode is Opcode.LOAD and traffic.kind(operation) in ("weights", "parameters")
    ]
