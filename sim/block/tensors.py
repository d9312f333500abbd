"""Named tensors from what the RTL showed: every beat of every unit, placed by its command.

Nothing is computed here but the inverse of a packing (bits from words, 2*pop - d for a score).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hw.spec.configuration import Configuration
from hw.spec.numerics import ACCUMULATOR, BRANCHES, SUM, VALUE
from sw.compiler.schedule.image import BlockImage
from sw.compiler.schedule.program import Operation, Program


@dataclass(frozen=True)
class Beats:
    """What one tap showed: tag and data of each beat, in order of time.

    Attributes
    ----------
    tags : ndarray of int64, shape (beats,)
    cycles : ndarray of int64, shape (beats,)
    fields : dict
        Field name to int64 array (beats, elements).
    """

    tags: np.ndarray
    cycles: np.ndarray
    fields: dict[str, np.ndarray]


def lanes_fields(c: Configuration) -> list[tuple[str, int, int, bool]]:
    """(name, elements, bits, signed) of the lanes' tap, low bits first, after the tag."""
    value = (c.lanes, VALUE.bits, True)
    return [
        ("s", c.lanes, SUM.bits, True),
        ("y", *value),
        ("out", *value),
        ("pooled", *value),
        ("bits", 3 * c.lanes, 1, False),
    ]


def tap_fields(c: Configuration) -> dict[str, list[tuple[str, int, int, bool]]]:
    """The fields of every tap of the accelerator, after the 12-bit tag."""
    branch = [(name, c.pool_lanes, VALUE.bits, True) for name in (*BRANCHES, "sum")]
    return {
        "lanes": lanes_fields(c),
        "score": [("pop", c.lanes, ACCUMULATOR.bits, True)],
        "probability": [("bits", c.lanes, 1, False)],
        "branch": branch,
        "grid": [("mean", c.lanes, VALUE.bits, True)],
    }


def unpack(cycles: np.ndarray, data: np.ndarray, fields: list[tuple[str, int, int, bool]]) -> Beats:
    """Splits raw beats (uint8, low byte first) into a 12-bit tag and the fields behind it."""
    bits = np.unpackbits(data, axis=1, bitorder="little")
    position = 12
    columns = {}
    for name, elements, width, signed in fields:
        raw = bits[:, position : position + elements * width].reshape(-1, elements, width)
        weights = 1 << np.arange(width, dtype=np.int64)
        if signed:
            weights[-1] = -weights[-1]
        columns[name] = raw @ weights
        position += elements * width
    return Beats(bits[:, :12] @ (1 << np.arange(12, dtype=np.int64)), cycles, columns)


class Observation:
    """Collects named tensors; an element that no beat showed stays missing.

    Attributes
    ----------
    tensors : dict
        Name to int64 array.
    seen : dict
        Name to boolean array: which elements the RTL showed.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, np.ndarray] = {}
        self.seen: dict[str, np.ndarray] = {}

    def put(self, name: str, shape: tuple[int, ...], index: tuple, values: np.ndarray) -> None:
        """Stores `values` at `index` of tensor `name`."""
        if name not in self.tensors:
            self.tensors[name] = np.zeros(shape, dtype=np.int64)
            self.seen[name] = np.zeros(shape, dtype=bool)
        self.tensors[name][index] = values
        self.seen[name][index] = True


MAIN_TENSORS: dict[str, tuple[tuple[str, str], ...]] = {
    "pass": (
        ("attention.q_in_bits", "bits0"),
        ("attention.k_in_bits", "bits1"),
        ("attention.v_in_bits", "bits2"),
    ),
    "pass_pooled": (("attention.reduction_bits", "bits0"),),
    "reduction": (
        ("attention.reduced", "y"),
        ("attention.k_in_bits", "bits0"),
        ("attention.v_in_bits", "bits1"),
    ),
    "key": (("attention.k", "y"), ("attention.k_bits", "bits0")),
    "value": (("attention.v", "y"), ("attention.v_bits", "bits0"), ("attention.kv", "out")),
    "query": (("attention.q", "y"), ("attention.q_bits", "bits0"), ("attention.u", "out")),
    "context": (("attention.context", "s"), ("attention.t", "y"), ("attention.t_bits", "bits0")),
    "output": (("x1", "out"), ("ffn.n2_bits", "bits0")),
    "hidden": (("ffn.hidden", "y"), ("ffn.hidden_bits", "bits0"), ("ffn.pooled", "pooled")),
    "ffn": (("ffn.y", "y"), ("x2", "out")),
}
"""Layer to the tensors that its beats show, and the tap's field."""

NEVER_FORMED = {
    "n1": "the pre-norm is folded into the thresholds of its bits and into residual gains",
    "n2": "the norm is folded into x1's thresholds, hidden's residual gain and branch gains",
}
"""Tensors of the model that the fused schedule never forms, and why."""


def observe(program: Program, block: BlockImage, taps: dict[str, Beats]) -> Observation:
    """Every named tensor of the block, from the taps."""
    seen = Observation()
    c = program.configuration
    readers: dict[str, tuple[str, Callable]] = {
        "attention.scores": ("score", _scores),
        "branch": ("branch", _branch),
        "attention.pooled_mean": ("grid", _grid),
    }
    order = {name: np.argsort(taps[name].tags, kind="stable") for name in taps}
    starts = {
        name: np.searchsorted(taps[name].tags[order[name]], np.arange(len(program.operations) + 1))
        for name in taps
    }

    def beats_of(tap: str, operation: Operation) -> dict[str, np.ndarray]:
        first, last = starts[tap][operation.tag : operation.tag + 2]
        rows = order[tap][first:last]
        return {name: values[rows] for name, values in taps[tap].fields.items()}

    for operation in program.operations:
        if operation.layer in MAIN_TENSORS:
            _main(seen, c, block, operation, beats_of("lanes", operation))
        elif operation.layer in readers:
            tap, reader = readers[operation.layer]
            reader(seen, c, block, operation, beats_of(tap, operation))
        if operation.layer == "attention.scores":
            _probability(seen, c, block, operation, beats_of("probability", operation))
    return seen


def _main(
    seen: Observation,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    """Beats come outer, tile, inner, token."""
    f, layer = operation.fields, block.layers[operation.layer]
    tokens, inner = operation.detail["tokens"], f["inner"]
    groups = (
        f.get("first_group", 0)
        + np.arange(f["outer"])[:, None]
        + np.arange(inner) * f.get("group_step", 0)
    )
    token, group = [], []
    for outer in range(f["outer"]):
        for tile in range(f["tiles"]):
            run = np.arange(tile * c.rows, min((tile + 1) * c.rows, tokens))
            for i in range(inner):
                token.append(run)
                group.append(np.full(len(run), groups[outer, i]))
    token, group = np.concatenate(token), np.concatenate(group)
    count = min(len(token), len(beats["y"]))
    token, group = token[:count] + operation.detail["first"], group[:count]
    keys = operation.layer in ("pass_pooled", "reduction", "key", "value")
    rows = block.keys if keys else block.tokens
    lane = np.arange(c.lanes)
    for name, source in MAIN_TENSORS[operation.layer]:
        if source.startswith("bits"):
            which = int(source[4:])
            if which >= layer.sets:
                continue
            values = beats["bits"].reshape(-1, 3, c.lanes)[:count, which]
        else:
            values = beats[source][:count]
        channel = group[:, None] * c.lanes + lane
        width = layer.outputs
        if source == "pooled":
            kept = c.lanes >> f["pool"]
            values, width = values[:, :kept], block.channels
            channel = group[:, None] * kept + np.arange(kept)
        seen.put(name, (rows, width), (token[:, None], channel), values)


def _scores(
    seen: Observation,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    scores = 2 * beats["pop"] - block.channels // block.heads
    _put_keys(seen, "attention.scores", c, block, operation, scores)


def _probability(
    seen: Observation,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    _put_keys(seen, "attention.probability_bits", c, block, operation, beats["bits"])


def _put_keys(
    seen: Observation,
    name: str,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    values: np.ndarray,
) -> None:
    """Beats of a SCORE command come tile, key group, query."""
    query, key = [], []
    tokens = operation.detail["tokens"]
    for tile in range(operation.fields["tiles"]):
        run = range(tile * c.rows, min((tile + 1) * c.rows, tokens))
        for first_key in range(0, block.keys, c.lanes):
            query += run
            key += [first_key] * len(run)
    values = values[: len(query)]
    queries = np.array(query[: len(values)])[:, None] + operation.detail["first"]
    keys = np.array(key[: len(values)])[:, None] + np.arange(c.lanes)
    valid = keys < block.keys
    queries = np.broadcast_to(queries, keys.shape)
    seen.put(
        name,
        (block.heads, block.tokens, block.keys),
        (operation.detail["head"], queries[valid], keys[valid]),
        values[valid],
    )


def _branch(
    seen: Observation,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    """Beats come channel word, column, part of the word."""
    parts = c.lanes // c.pool_lanes
    words, width = block.channels // c.lanes, operation.detail["tokens"]
    for name in (*BRANCHES, "sum"):
        values = beats[name][: words * width * parts]
        index = np.arange(len(values))
        word, column, part = (index // (width * parts), index // parts % width, index % parts)
        channel = (word * c.lanes + part * c.pool_lanes)[:, None] + np.arange(c.pool_lanes)
        token = operation.detail["first"] + column
        seen.put(
            f"branch.{name}", (block.tokens, block.channels), (token[:, None], channel), values
        )


def _grid(
    seen: Observation,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    """Beats come output, channel word."""
    words = block.channels // c.lanes
    values = beats["mean"][: operation.detail["tokens"] * words]
    index = np.arange(len(values))
    channel = (index % words * c.lanes)[:, None] + np.arange(c.lanes)
    token = operation.detail["first"] + index // words
    seen.put(
        "attention.pooled_mean", (block.keys, block.channels), (token[:, None], channel), values
    )
