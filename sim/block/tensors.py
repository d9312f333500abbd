"""Named tensors from what the RTL showed: every beat of every unit, placed by its command.

Nothing is computed here but the inverse of a packing (bits from words, 2*pop - d for a score).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCHES
from sim.block.taps import Beats
from sw.compiler.schedule.image import BlockImage
from sw.compiler.schedule.program import Operation, Program


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
    order = {name: np.argsort(taps[name].tags, kind="stable") for name in taps}
    starts = {
        name: np.searchsorted(taps[name].tags[order[name]], np.arange(len(program.operations) + 1))
        for name in taps
    }
    for operation in program.operations:

        def beats_of(tap: str, tag: int = operation.tag) -> dict[str, np.ndarray]:
            first, last = starts[tap][tag : tag + 2]
            rows = order[tap][first:last]
            return {name: values[rows] for name, values in taps[tap].fields.items()}

        observe_operation(seen, program.configuration, block, operation, beats_of)
    return seen


def observe_operation(
    seen: Observation,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats_of: Callable[[str], dict[str, np.ndarray]],
    prefix: str = "",
) -> None:
    """What one operation of a block shows, to the tensors of that prefix.

    Parameters
    ----------
    beats_of : callable
        Fields of the beats that a tap showed of the operation.
    """
    seen = _Prefixed(seen, prefix)
    layer = operation.layer
    if layer in MAIN_TENSORS:
        _main(seen, c, block, layer, operation, beats_of("lanes"))
    elif layer == "attention.scores":
        _scores(seen, c, block, operation, beats_of("score"))
        _probability(seen, c, block, operation, beats_of("probability"))
    elif layer == "branch":
        _branch(seen, c, block, operation, beats_of("branch"))
    elif layer == "attention.pooled_mean":
        shape = (block.keys, block.channels)
        put_grid(seen, layer, shape, c, operation, beats_of("grid")["mean"])
    elif layer == "pooled":
        _pooled(seen, c, block, operation, beats_of("dense")["word"])


def observe_input_bits(
    seen: Observation,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats_of: Callable[[str], dict[str, np.ndarray]],
    prefix: str = "",
) -> None:
    """The input bits of a block, from an operation that makes its x and forms them."""
    _main(_Prefixed(seen, prefix), c, block, "pass", operation, beats_of("lanes"))


@dataclass(frozen=True)
class _Prefixed:
    """An observation whose names all begin alike."""

    observation: Observation
    prefix: str

    def put(self, name: str, shape: tuple[int, ...], index: tuple, values: np.ndarray) -> None:
        self.observation.put(self.prefix + name, shape, index, values)


def lane_places(c: Configuration, operation: Operation) -> tuple[np.ndarray, np.ndarray]:
    """Token of the command and channel group of each beat: outer, tile, inner, token."""
    f = operation.fields
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
    return np.concatenate(token), np.concatenate(group)


def _main(
    seen: _Prefixed,
    c: Configuration,
    block: BlockImage,
    name: str,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    """What beats show of the layer `name`."""
    f, layer = operation.fields, block.layers[name]
    token, group = lane_places(c, operation)
    count = min(len(token), len(beats["y"]))
    token, group = token[:count] + operation.detail["first"], group[:count]
    keys = name in ("pass_pooled", "reduction", "key", "value")
    rows = block.keys if keys else block.tokens
    lane = np.arange(c.lanes)
    for tensor, source in MAIN_TENSORS[name]:
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
            if not f.get("pooled"):
                continue  # of a ratio that the dense unit pools
            kept = c.lanes >> f["pool"]
            values, width = values[:, :kept], block.channels
            channel = group[:, None] * kept + np.arange(kept)
        seen.put(tensor, (rows, width), (token[:, None], channel), values)


def _pooled(
    seen: _Prefixed, c: Configuration, block: BlockImage, operation: Operation, word: np.ndarray
) -> None:
    """Beats of a DENSE command come channel group, token."""
    tokens = operation.detail["tokens"]
    word = word[: operation.fields["groups"] * tokens]
    index = np.arange(len(word))
    channel = (index // tokens * c.lanes)[:, None] + np.arange(c.lanes)
    token = operation.detail["first"] + index % tokens
    shape = (block.tokens, block.channels)
    seen.put("ffn.pooled", shape, (token[:, None], channel), word)


def _scores(
    seen: _Prefixed,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    scores = 2 * beats["pop"] - block.channels // block.heads
    _put_keys(seen, "attention.scores", c, block, operation, scores)


def _probability(
    seen: _Prefixed,
    c: Configuration,
    block: BlockImage,
    operation: Operation,
    beats: dict[str, np.ndarray],
) -> None:
    _put_keys(seen, "attention.probability_bits", c, block, operation, beats["bits"])


def _put_keys(
    seen: _Prefixed,
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
    seen: _Prefixed,
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


def put_grid(
    seen: Observation | _Prefixed,
    name: str,
    shape: tuple[int, int],
    c: Configuration,
    operation: Operation,
    mean: np.ndarray,
) -> None:
    """Beats of a GRID command come output, channel word."""
    words = operation.fields["words"]
    mean = mean[: operation.detail["tokens"] * words]
    index = np.arange(len(mean))
    channel = (index % words * c.lanes)[:, None] + np.arange(c.lanes)
    token = operation.detail["first"] + index // words
    seen.put(name, shape, (token[:, None], channel), mean)
