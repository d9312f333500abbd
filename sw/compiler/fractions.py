"""Which scale group every traced value tensor belongs to, hence its fraction bits."""

from __future__ import annotations

from sw.compiler.packed import Shape, block_name

BLOCK_TENSORS = {
    "x": (
        "x",
        "x1",
        "x2",
        "attention.pooled_mean",
        "branch.h3",
        "branch.w3",
        "branch.h5",
        "branch.w5",
        "branch.sum",
        "ffn.y",
    ),
    "u": ("attention.q", "attention.k", "attention.v", "attention.kv", "attention.u"),
    "r": ("attention.reduced",),
    "t": ("attention.t",),
    "f": ("ffn.hidden", "ffn.pooled"),
}
"""Scale group (``x`` is the stage's, the others the block's) to the tensors that share it."""

BRANCH_TENSORS = tuple(f"branch.{b}" for b in ("h3", "w3", "h5", "w5", "sum"))
REDUCTION_TENSORS = ("attention.pooled_mean", "attention.reduced")


def tensor_fractions(shape: Shape, groups: dict[str, int]) -> dict[str, int]:
    """Fraction bits by full trace name."""
    fractions = {
        "stem": groups["stage1.x"],
        "head.mean": groups["head.mean"],
        "head.pooled": groups[f"stage{shape.stages}.x"],
    }
    for stage in range(2, shape.stages + 1):
        name = f"stage{stage}.embedding"
        fractions[name] = groups[f"stage{stage}.x"]
        if shape.embedding == "real":
            fractions[f"{name}.n"] = groups[f"{name}.n"]
        else:
            fractions[f"{name}.pooled_mean"] = groups[f"stage{stage - 1}.x"]
    for stage, block in shape.blocks():
        name = block_name(stage, block)
        for group, tensors in BLOCK_TENSORS.items():
            for tensor in tensors:
                if tensor in BRANCH_TENSORS and not shape.pooled_branches:
                    continue
                if tensor in REDUCTION_TENSORS and shape.reduction[stage - 1] == 1:
                    continue
                key = f"stage{stage}.x" if group == "x" else f"{name}.{group}"
                fractions[f"{name}.{tensor}"] = groups[key]
    return fractions
