"""The cycle model: the least cycles that a layer, and a block, can take on a configuration."""

from __future__ import annotations

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
