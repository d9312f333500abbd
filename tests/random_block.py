"""A packed network of one block with random integer parameters: any shape, non-degenerate."""

from __future__ import annotations

import math

import numpy as np
import torch

from hw.spec.numerics import BRANCH_FIELDS
from sim.block.compare import compare, describe
from sim.block.simulate import BlockRun
from sw.compiler.bits import pack_bits
from sw.compiler.packed import (
    PackedBlock,
    PackedBranch,
    PackedLayer,
    PackedNetwork,
    Preprocessing,
    Shape,
)
from sw.golden.block import run_block

NAME = "stage1.block0"


def random_block(
    side: int,
    channels: int,
    hidden: int,
    heads: int,
    reduction: int,
    *,
    seed: int = 0,
    branches: bool = True,
    entries: int = 64,
) -> PackedNetwork:
    """One block over a side x side grid, values of a few thousand, bits about half ones."""
    rng = np.random.default_rng(seed)
    layers: dict[str, PackedLayer] = {}

    def ints(size: int, scale: float) -> np.ndarray:
        return np.clip(np.round(rng.normal(0, scale, size)), -32768, 32767).astype(np.int16)

    def add(
        part: str,
        k: int,
        outputs: int,
        sets: int,
        *,
        value_gain: str = "residual",
        constant: bool = False,
    ) -> None:
        weight = pack_bits(rng.integers(0, 2, (outputs, k)).astype(bool)) if k else None
        spread = math.sqrt(k or side * side / reduction**2)
        gain_shift = int(rng.choice([0, 3]))
        slope_shift = int(rng.choice([11, 14]))
        one = 1 << slope_shift
        parameters = {
            "gain": ints(outputs, 2000 * 2**11 / spread / 2**gain_shift / 8),
            "bias": ints(outputs, 800),
            "slope_negative": ints(outputs, one * 0.5),
            "offset_out": ints(outputs, 500),
        }
        constants = {}
        if constant:
            constants = {"residual_gain": 2048, "slope_positive": one}
        else:
            parameters |= {
                "residual_gain": ints(outputs, 1500),
                "slope_positive": ints(outputs, one * 0.6),
            }
        if part.endswith("query"):
            constants["slope_positive"] = one
            parameters.pop("slope_positive", None)
        parameters |= {f"threshold{i}": ints(outputs, 900) for i in range(sets)}
        layers[f"{NAME}.{part}"] = PackedLayer(
            f"{NAME}.{part}",
            k,
            outputs,
            weight,
            parameters,
            constants,
            {
                "gain_shift": gain_shift,
                "slope_shift": slope_shift,
                "double": int(k > 0),
                "offset": k,
            },
        )

    def thresholds(part: str, sets: int) -> None:
        layers[f"{NAME}.{part}"] = PackedLayer(
            f"{NAME}.{part}",
            0,
            channels,
            parameters={f"threshold{i}": ints(channels, 900) for i in range(sets)},
        )

    thresholds("pass", 3 if reduction == 1 else 1)
    if reduction > 1:
        thresholds("pass_pooled", 1)
        add("reduction", channels, channels, 2)
    add("key", channels, channels, 1, constant=reduction > 1)
    add("value", channels, channels, 1, constant=reduction > 1)
    add("query", channels, channels, 1)
    add("context", 0, channels, 1, constant=True)
    add("output", channels, channels, 1, constant=bool(rng.integers(2)))
    add("hidden", channels, hidden, 1)
    add("ffn", hidden, channels, 0, constant=bool(rng.integers(2)))
    d, small = channels // heads, side // reduction
    scores = 2 * np.arange(entries) - min(d, entries)
    exp = np.minimum(np.round(2**12 * np.exp(scores / math.sqrt(d))), 2**24 - 1)
    shape = Shape(side, 1, (channels,), (1,), (reduction,), (heads,), (hidden,), 10, branches, True)
    block = PackedBlock(
        NAME,
        heads,
        reduction,
        channels,
        hidden,
        side,
        side * side,
        small * small,
        2 * round(math.log2(reduction)) if reduction > 1 else 0,
        exp.astype(np.int32),
        max(0, d - entries + 1),
        int(rng.integers(1 << 14, 1 << 16)),
        15 + round(math.log2(small * small)),
        {},
    )
    branch = {}
    if branches:
        parameters = {
            name: ints(channels, 4000 if name.startswith("gain") else 300) for name in BRANCH_FIELDS
        }
        branch[NAME] = PackedBranch(parameters, 14)
    return PackedNetwork(
        shape, Preprocessing(side, side), tuple("0123456789"), layers, {NAME: block}, branch, {}, {}
    )


def random_values(side: int, channels: int, seed: int = 0) -> np.ndarray:
    """x of such a block: int16 (tokens, channels), a few at the ends of the format."""
    rng = np.random.default_rng(seed + 1)
    x = np.clip(rng.normal(0, 2500, (side * side, channels)), -32768, 32767).round()
    ends = rng.random(x.shape)
    x[ends < 0.001] = -32768
    x[ends > 0.999] = 32767
    return x.astype(np.int16)


def golden_tensors(packed: PackedNetwork, x: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor of the block's trace but x itself, by its name in the block."""
    trace: dict[str, torch.Tensor] = {}
    run_block(packed, 1, 0, torch.from_numpy(x), trace)
    prefix = f"{NAME}."
    return {
        key.removeprefix(prefix): value.numpy()
        for key, value in trace.items()
        if key != f"{prefix}x"
    }


def assert_equal(golden: dict[str, np.ndarray], run: BlockRun) -> None:
    """Every element of every tensor was shown and is golden's."""
    results = compare(golden, run.observation, {})
    wrong = [describe(r, r.name) for r in results if r.mismatches]
    assert not wrong, "\n".join(wrong)
    assert sum(r.elements for r in results) == sum(t.size for t in golden.values()) > 0
