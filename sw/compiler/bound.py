"""The cycle model: the least cycles that a layer, and a block, can take on a configuration."""

from __future__ import annotations

from sw.compiler.schedule import NetworkProgram
from sw.compiler.schedule.program import Program, bound

BOUND_LAYERS = (
    "reduction",
    "key",
    "value",
    "query",
    "attention.scores",
    "context",
    "output",
    "hidden",
    "ffn",
)
"""The binary layers whose bounds add up to the block's."""


def layer_bounds(program: Program) -> dict[str, int]:
    """Bound of every layer's commands taken together, in program order."""
    work: dict[str, tuple[int, int]] = {}
    for operation in program.operations:
        macs, elements = work.get(operation.layer, (0, 0))
        work[operation.layer] = (macs + operation.macs, elements + operation.elements)
    return {name: bound(program.configuration, *amounts) for name, amounts in work.items()}


def block_bound(bounds: dict[str, int]) -> int:
    """Layer-by-layer bound of the block, in cycles."""
    return sum(bounds.get(name, 0) for name in BOUND_LAYERS)


def fused_bound(program: NetworkProgram) -> int:
    """Bound of a network whose blocks' layers overlap, in cycles.

    A block takes max(sum of MAC / array MACs a cycle, sum of elements / lanes); stem, patch
    embeddings and head, which lie between blocks, take their own bounds one after another.
    """
    blocks: dict[str, tuple[int, int]] = {}
    between = 0
    for operation in program.operations:
        if operation.block:
            macs, elements = blocks.get(operation.block, (0, 0))
            blocks[operation.block] = (macs + operation.macs, elements + operation.elements)
        else:
            between += program.bound(operation)
    return between + sum(bound(program.configuration, *work) for work in blocks.values())
