"""Representational capability R: the largest absolute value that an element can reach.

The paper (Le and Li, CVPRW 2023) ranks architectures by R and publishes 153,216 for binary DeiT-S
and 71,193,472 for binary ResNet-34, without its counting.  This is a reconstruction that gives
both exactly, from these rules:

- a centred 8-bit pixel reaches 127.5; a real layer of fan-in n multiplies by n, rounded down;
- a binary layer adds its fan-in to the value that it is added to;
- a mean over m elements multiplies by m: it resolves m times as finely;
- gains, biases and formats count nothing.

A ResNet basic block counts its last convolution, K*K*C; the shortcut between stages is a mean over
2x2.  A transformer block of width C counts q, k, v and output (C each), the first FFN layer seen
through the channel pooling (a mean over I/C sums of C: I) and the second (fan-in I); its other
residuals count nothing.

Beyond the published two, for BinaryViT, by the same rules: keys and values of a block with spatial
reduction come through one more binary layer (+ C); the sum of a token and its four pooled branches
multiplies by 1 + 3 + 3 + 5 + 5; a binary patch embedding is a mean over 2x2 (its residual) to which
its fan-in 4 C is added; a real one multiplies by its fan-in 4 C.

R ranks architectures.  It proves no bit width: :mod:`sw.capability.intervals` does that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sw.compiler.packed import Shape
from sw.model import BINARY_DEIT_S, BINARYVIT, ModelConfig

BRANCH_FACTOR = 1 + 3 + 3 + 5 + 5
"""A token and its means over 3x1, 1x3, 5x1 and 1x5 tokens."""


@dataclass(frozen=True)
class Step:
    """One layer of a walk: ``value = floor(value before * factor) + addend``, `times` in a row.

    Parameters
    ----------
    what : str
        The layer.
    factor : int
        Elements of a mean, or the fan-in of a real layer.
    addend : int
        Fan-in of binary layers.
    times : int
        Repetitions.
    """

    what: str
    factor: int = 1
    addend: int = 0
    times: int = 1

    def after(self, value: float) -> int:
        """What an element reaches behind this step."""
        for _ in range(self.times):
            value = int(value * self.factor) + self.addend
        return value

    @property
    def rule(self) -> str:
        """The step in signs, for example ``* 17 + 1,024``."""
        parts = [f"* {self.factor:,}"] if self.factor != 1 else []
        parts += [f"+ {self.addend:,}"] if self.addend else []
        once = " ".join(parts) or "as before"
        return once if self.times == 1 else f"{self.times} x ({once})"


PIXEL = 127.5
"""Magnitude of a centred pixel."""


def reach(walk: list[Step]) -> list[int]:
    """The value after every step of a walk from a pixel; the last one is R."""
    values, value = [], PIXEL
    for step in walk:
        value = step.after(value)
        values.append(value)
    return values


def resnet_walk(blocks: tuple[int, ...]) -> list[Step]:
    """A binary ResNet of basic blocks, 7x7 real stem, width 64 doubling in every stage.

    Parameters
    ----------
    blocks : tuple of int
        Basic blocks of each stage.
    """
    walk = [Step("real stem 7x7x3", factor=7 * 7 * 3)]
    for i, count in enumerate(blocks):
        if i:
            walk.append(Step(f"shortcut to stage {i + 1}: mean over 2x2", factor=4))
        width = 64 << i
        walk.append(
            Step(f"stage {i + 1}: 3x3x{width} binary convolution", addend=9 * width, times=count)
        )
    return [*walk, Step("mean over 7x7", factor=49)]


def binaryvit_walk(config: ModelConfig | Shape) -> list[Step]:
    """A BinaryViT or a DeiT-style model, from the sizes of a float or of a packed one."""
    fan_in = 3 * config.patch**2
    walk = [Step(f"real patch embedding {config.patch}x{config.patch}x3", factor=fan_in)]
    for i, depth in enumerate(config.depths):
        if i:
            walk += _embedding(config, i)
        walk += _blocks(config, i, depth)
    if config.class_token:
        return [*walk, Step("class token")]
    side = config.image // config.patch >> len(config.channels) - 1
    return [*walk, Step(f"mean over {side}x{side} tokens", factor=side * side)]


def _embedding(config: ModelConfig | Shape, stage: int) -> list[Step]:
    fan_in = 4 * config.channels[stage - 1]
    name = f"{config.embedding} patch embedding to stage {stage + 1}"
    if config.embedding == "real":
        return [Step(name, factor=fan_in)]
    return [Step(f"{name}: mean over 2x2, then its layer", factor=4, addend=fan_in)]


def _blocks(config: ModelConfig | Shape, stage: int, depth: int) -> list[Step]:
    width, hidden = config.channels[stage], config.hidden[stage]
    reduced = config.reduction[stage] > 1
    attention = width * (5 if reduced else 4)
    name = f"stage {stage + 1}"
    layers = "reduction, q, k, v, output" if reduced else "q, k, v, output"
    if not config.pooled_branches:
        return [Step(f"{name}: {layers}, both FFN layers", addend=attention + 2 * hidden,
                     times=depth)]  # fmt: skip
    walk = []
    for block in range(depth):
        walk += [
            Step(f"{name} block {block}: {layers}", addend=attention),
            Step(f"{name} block {block}: pooled branches, both FFN layers",
                 factor=BRANCH_FACTOR, addend=2 * hidden),
        ]  # fmt: skip
    return walk


_DEIT_TI = replace(BINARY_DEIT_S, channels=(192,), heads=(3,), hidden=(768,))

ARCHITECTURES: dict[str, Callable[[], list[Step]]] = {
    "resnet-18": lambda: resnet_walk((2, 2, 2, 2)),
    "resnet-34": lambda: resnet_walk((3, 4, 6, 3)),
    "deit-ti": lambda: binaryvit_walk(_DEIT_TI),
    "deit-s": lambda: binaryvit_walk(BINARY_DEIT_S),
    "deit-s-mean": lambda: binaryvit_walk(replace(BINARY_DEIT_S, class_token=False)),
    "binaryvit": lambda: binaryvit_walk(BINARYVIT),
}
"""Walks of known architectures at 224x224, by name."""
