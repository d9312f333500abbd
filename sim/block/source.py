"""One block of a model, with its input and everything golden says about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sw.compiler.packed import PackedNetwork, block_name
from sw.files import InputError


@dataclass(frozen=True)
class BlockCase:
    """A block with its input and everything golden says about it.

    Attributes
    ----------
    x : ndarray (tokens, channels)
        The block's input.
    golden : dict
        Tensor name without the block's prefix to integer array, in order of computation.
    fractions : dict
        Fraction bits by the same names.
    """

    packed: PackedNetwork
    stage: int
    block: int
    x: np.ndarray
    golden: dict[str, np.ndarray]
    fractions: dict[str, int]

    @property
    def name(self) -> str:
        """The block's prefix."""
        return block_name(self.stage, self.block)


def check_block(depths: tuple[int, ...], stage: int, block: int) -> None:
    """Raises InputError for a stage or block that the model does not have; lists them."""
    if not 1 <= stage <= len(depths):
        raise InputError(f"stage {stage}: the model has stages 1 to {len(depths)}")
    if not 0 <= block < depths[stage - 1]:
        raise InputError(f"block {block}: stage {stage} has blocks 0 to {depths[stage - 1] - 1}")


def block_case(packed: PackedNetwork, stage: int, block: int, image: np.ndarray) -> BlockCase:
    """Runs golden up to the block and keeps everything the block computes."""
    from sw.golden.block import run_block
    from sw.golden.network import run_until

    x = run_until(packed, torch.from_numpy(np.array(image))[None], stage, block)[0]
    trace: dict[str, torch.Tensor] = {}
    run_block(packed, stage, block, x, trace)
    prefix = f"{block_name(stage, block)}."
    golden = {
        name.removeprefix(prefix): tensor.numpy()
        for name, tensor in trace.items()
        if name.startswith(prefix) and name != f"{prefix}x"
    }
    fractions = {
        name.removeprefix(prefix): bits
        for name, bits in packed.fractions.items()
        if name.startswith(prefix)
    }
    return BlockCase(packed, stage, block, x.numpy(), golden, fractions)
