"""Emits operations into one program: weights, parameters and values through the memory port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from hw.spec.commands import Opcode, Source, Target
from hw.spec.configuration import Configuration
from sw.compiler.schedule.batch import Shared
from sw.compiler.schedule.external import ExternalMemory
from sw.compiler.schedule.image import (
    LayerImage,
    execution_groups,
    parameter_words,
    weight_words,
)
from sw.compiler.schedule.operands import Unit, Values
from sw.compiler.schedule.program import Access, At, Buffer, Operation

SOURCE = {"x": Source.X, "u": Source.U}
"""The commands' name of a value memory."""
PORT_BYTES = 16
"""Bytes of a beat of the memory port."""
_MEMORY = {Target.COLUMN: "column", Target.PARAMETER: "parameter", Target.EXP: "exp"}


@dataclass
class Stream:
    """The program that everything emits into.

    Attributes
    ----------
    operations : list of Operation
        In program order.
    tables : dict
        Exponential tables that are on chip, by their bytes.
    shared : Shared
        What the pictures of a batch, a stream each, have in common.
    """

    configuration: Configuration
    external: ExternalMemory
    operations: list[Operation] = field(default_factory=list)
    tables: dict[bytes, Buffer] = field(default_factory=dict)
    shared: Shared = field(default_factory=Shared)


class Emitter:
    """Emits the operations of some layers: a block's, or one embedding's.

    Parameters
    ----------
    stream : Stream
    layers : dict of LayerImage
        By the names that operations carry.
    unit_words : int
        Column words of weights that one LOAD brings at most (at least one group).
    block : str
        Name of the block, if a network has several.
    """

    def __init__(
        self, stream: Stream, layers: dict[str, LayerImage], unit_words: int, block: str = ""
    ) -> None:
        self.c = stream.configuration
        self.layers = layers
        self._stream = stream
        self._block = block
        self._unit_words = unit_words
        self._resident: dict[tuple, object] = {}
        self._addresses: dict[tuple, int] = {}

    def add(
        self,
        opcode: Opcode,
        layer: str,
        fields: dict[str, int | At],
        accesses: list[Access],
        detail: dict[str, int] | None = None,
        *,
        macs: int = 0,
        elements: int = 0,
        steps: int = 0,
        forms: str = "",
    ) -> None:
        """Appends an operation."""
        work = {"macs": macs, "elements": elements, "steps": steps}
        names = {"block": self._block, "forms": forms}
        operation = Operation(opcode, layer, fields, accesses, detail or {}, **work, **names)
        self._stream.operations.append(operation)

    # -- constants -----------------------------------------------------------------------------

    def once(self, key: tuple, make):
        """What `make` returns for `key`, kept until :meth:`forget`."""
        if key not in self._resident:
            self._resident[key] = make()
        return self._resident[key]

    def forget(self) -> None:
        """Weights and parameters leave the chip: their next use loads them again."""
        self._resident.clear()

    def load(
        self,
        layer: str,
        target: Target,
        kind: str,
        words: np.ndarray,
        key: tuple,
        parts: int = 1,
    ) -> Buffer:
        """Loads an array (a row a memory word); it lies in external memory once for each key.

        In several parts, the first may come while the last one's words are still in use.
        """
        return self._stream.shared(lambda: self._load(layer, target, kind, words, key, parts))

    def _load(
        self, layer: str, target: Target, kind: str, words: np.ndarray, key: tuple, parts: int
    ) -> Buffer:
        memory = _MEMORY[target]
        buffer = Buffer(f"{layer}.{memory}", memory, len(words))
        if key not in self._addresses:
            self._addresses[key] = self._stream.external.add(words, kind)
        step = -(-len(words) // parts)
        for first in range(0, len(words), step):
            count = min(step, len(words) - first)
            fields = {
                "target": int(target),
                "address": self._addresses[key] + first * (words[:1].nbytes // PORT_BYTES),
                "word": At(buffer, first),
                "words": count,
            }
            access = Access(buffer, first, first + count, True)
            self.add(Opcode.LOAD, f"{layer}.load", fields, [access])
        return buffer

    def units(
        self, name: str, inner: int = 1, groups: tuple[int, int] | None = None
    ) -> Iterator[Unit]:
        """The layer's units in execution order, each loaded in front of its first use.

        `groups` are the channel groups [first, last) to run, all unless given.
        """
        layer, c = self.layers[name], self.c
        order = execution_groups(layer.outputs, c.lanes, inner)
        if groups is not None:
            order = order[groups[0] : groups[1]]
        group_words = c.group_tiles * layer.weight.shape[1] if layer.weight is not None else 1
        step = max(1, self._unit_words // (group_words * inner)) * inner
        for first in range(0, len(order), step):
            part = order[first : first + step]
            key = (name, tuple(part))
            yield self.once(key, lambda key=key, first=first: self._load_unit(*key, first))

    def _load_unit(self, name: str, groups: tuple[int, ...], first: int) -> Unit:
        layer, c, weights = self.layers[name], self.c, None
        key, part = (name, groups), list(groups)
        if layer.weight is not None:
            words = weight_words(layer, part, c)
            weights = self.load(name, Target.COLUMN, "weights", words, (*key, "weight"))
        words = parameter_words(layer, part, c)
        parameters = self.load(name, Target.PARAMETER, "parameters", words, (*key, "parameter"))
        return Unit(first, first + len(groups), weights, parameters)

    def load_table(self, table: np.ndarray) -> Buffer:
        """Brings an exponential table, unless it is on chip already."""
        key = table.tobytes()
        if key not in self._stream.tables:
            words = np.zeros((len(table), 2), dtype=np.uint64)
            words[:, 0] = table
            self._stream.tables[key] = self.load("exp", Target.EXP, "parameters", words, ("exp",))
        return self._stream.tables[key]

    # -- values --------------------------------------------------------------------------------

    def load_values(self, name: str, values: Values, tokens: int, source: Values | int) -> None:
        """Brings tokens into x memory, from the spill memory or a beat of external memory."""
        self._move(Opcode.LOAD, name, {"target": int(Target.X)}, values, tokens, source)

    def store_values(self, name: str, values: Values, tokens: int, target: Values | int) -> None:
        """Writes tokens of x or u memory to the spill memory or a beat of external memory."""
        fields = {"source": int(SOURCE[values.buffer.memory])}
        self._move(Opcode.STORE, name, fields, values, tokens, target)

    def _move(
        self,
        opcode: Opcode,
        name: str,
        fields: dict[str, int | At],
        values: Values,
        tokens: int,
        outside: Values | int,
    ) -> None:
        load = opcode is Opcode.LOAD
        accesses = [values.access(tokens, load)]
        address: int | At = outside
        if isinstance(outside, Values):
            address = At(outside.buffer, outside.offset, self.c.lane_beats)
            accesses.append(outside.access(tokens, not load))
        fields |= {
            "address": address,
            "word": At(values.buffer, values.offset),
            "words": tokens * values.token_words,
        }
        self.add(opcode, name, fields, accesses)
