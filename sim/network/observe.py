"""Every named tensor of a whole network, from what the RTL showed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from hw.spec.image import NORMED
from sim.block.tensors import (
    Observation,
    lane_places,
    observe_input_bits,
    observe_operation,
    put_grid,
)
from sim.native import NativeSimulator
from sim.network.taps import NetworkTaps
from sw.compiler.packed import PackedNetwork, block_name
from sw.compiler.schedule import NetworkProgram
from sw.compiler.schedule.image import block_image
from sw.compiler.schedule.program import Operation

BeatsOf = Callable[[str], dict[str, np.ndarray]]


def network_tensors(
    program: NetworkProgram, packed: PackedNetwork, simulator: NativeSimulator
) -> dict[str, np.ma.MaskedArray]:
    """Tensors (token, channel) or (head, query, key) of the last run, by their full names.

    All but ``logits``, which external memory holds.  Masked where no beat showed an element.

    Parameters
    ----------
    simulator : NativeSimulator
        With a trace folder; its trace ends.

    Raises
    ------
    SimulationError
        No trace, or commands completed that the program does not have.
    """
    taps = NetworkTaps(program, simulator)
    c = program.configuration
    seen = Observation()
    blocks = {
        block_name(stage, block): block_image(packed, stage, block)
        for stage, block in packed.model.blocks()
    }
    if packed.model.class_token:
        # No unit touches the class token's x: it is its position, as LOAD brings it.
        position = packed.layer("stem").position
        seen.put("stem", position.shape, (0,), position[0])
    for operation in program.operations:

        def beats_of(tap: str, operation: Operation = operation) -> dict[str, np.ndarray]:
            return taps.fields(tap, operation)

        if operation.block:
            block = blocks[operation.block]
            observe_operation(seen, c, block, operation, beats_of, f"{operation.block}.")
        else:
            _between(seen, c, packed, operation, beats_of)
        if operation.forms:
            block = blocks[operation.forms]
            observe_input_bits(seen, c, block, operation, beats_of, f"{operation.forms}.")
    return {
        name: np.ma.array(values, mask=~seen.seen[name]) for name, values in seen.tensors.items()
    }


def _between(
    seen: Observation,
    c: Configuration,
    packed: PackedNetwork,
    operation: Operation,
    beats_of: BeatsOf,
) -> None:
    """What an operation of the stem, an embedding or the head shows."""
    name, opcode = operation.layer, operation.opcode
    shape = packed.model
    if opcode in (Opcode.LOAD, Opcode.STORE, Opcode.DENSE):
        return  # golden names no tensor that they make; the logits are read from memory
    if name == "head.pooled":
        channels = shape.channels[-1]
        # `first` counts channel words: an output's parts may come one after another.
        part = beats_of("grid")["mean"].reshape(1, -1)
        first = operation.detail["first"] * c.lanes
        seen.put(name, (1, channels), (0, slice(first, first + part.size)), part[0])
    elif name == "head":
        _lanes(seen, "head.mean", (1, shape.channels[-1]), c, operation, beats_of, "y")
    elif name.endswith(".embedding.pooled_mean"):
        stage = _stage(name)
        size = (shape.tokens(stage), shape.channels[stage - 2])
        put_grid(seen, name, size, c, operation, beats_of("grid")["mean"])
    elif name.endswith(".embedding.pass"):
        _window_bits(seen, c, packed, operation, beats_of)
    elif name.endswith(".embedding.norm"):
        stage = _stage(name)
        size = (shape.tokens(stage - 1), shape.channels[stage - 2])
        # The dense unit saturates what it reads: the tap is one step ahead.
        kept = {"out": np.clip(beats_of("lanes")["out"], NORMED.low, NORMED.high)}
        name = name.replace(".norm", ".n")
        _lanes(seen, name, size, c, operation, lambda _: kept, "out")
    else:
        _lanes(seen, name, packed.layer(name).position.shape, c, operation, beats_of, "out")


def _stage(name: str) -> int:
    """The stage of ``stage3.embedding.pass``."""
    return int(name.split(".", 1)[0].removeprefix("stage"))


def _lanes(
    seen: Observation,
    name: str,
    shape: tuple[int, ...],
    c: Configuration,
    operation: Operation,
    beats_of: BeatsOf,
    field: str,
) -> None:
    """A field of the lanes' tap, in the command's order of beats."""
    token, group = lane_places(c, operation)
    values = beats_of("lanes")[field][: len(token)]
    token, group = token[: len(values)] + operation.detail["first"], group[: len(values)]
    channel = group[:, None] * c.lanes + np.arange(c.lanes)
    seen.put(name, shape, (token[:, None], channel), values)


def _window_bits(
    seen: Observation,
    c: Configuration,
    packed: PackedNetwork,
    operation: Operation,
    beats_of: BeatsOf,
) -> None:
    """Bits of one corner of every 2x2 window: groups count corners, then channel words."""
    stage = _stage(operation.layer)
    side, channels = packed.model.side(stage), packed.model.channels[stage - 2]
    token, group = lane_places(c, operation)
    bits = beats_of("lanes")["bits"].reshape(-1, 3, c.lanes)[: len(token), 0]
    token, group = token[: len(bits)] + operation.detail["first"], group[: len(bits)]
    corner, word = np.divmod(group, channels // c.lanes)
    row, column = token // side * 2 + corner // 2, token % side * 2 + corner % 2
    index = ((row * 2 * side + column)[:, None], word[:, None] * c.lanes + np.arange(c.lanes))
    name = operation.layer.replace(".pass", ".bits")
    seen.put(name, (packed.model.tokens(stage - 1), channels), index, bits)
