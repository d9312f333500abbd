"""A model's sizes, read off the tensors of a checkpoint.

Every size but two shows: ``heads`` leave no trace in a checkpoint, and of ``reduction`` only its
presence shows.
"""

from collections.abc import Sequence
from math import isqrt

import torch

from sw.model.block import BRANCHES
from sw.model.config import ModelConfig
from sw.model.errors import CheckpointError, ConfigError

_LAYER = "vit.encoder.layer."
_POSITION = "vit.embeddings.position_embeddings"
_PROJECTION = "vit.embeddings.patch_embeddings.projection.weight"

State = dict[str, torch.Tensor]


def _tensor(state: State, name: str, dimensions: int) -> torch.Tensor:
    if name not in state:
        raise CheckpointError(f"missing key {name}")
    if state[name].ndim != dimensions:
        raise CheckpointError(
            f"{name} has shape {list(state[name].shape)}; it must have {dimensions} axes"
        )
    return state[name]


def infer_config(
    state: State,
    heads: Sequence[int],
    reduction: Sequence[int],
    depths: Sequence[int] | None = None,
) -> ModelConfig:
    """Read a model's sizes off its tensors; arguments as in ``from_checkpoint``.

    Raises
    ------
    CheckpointError
        If a tensor that shows a size is missing or misshapen, or ``heads`` or ``reduction`` has
        the wrong length or does not divide.
    """
    projection = _tensor(state, _PROJECTION, 4)
    if "vit.layernorm.weight" in state and "vit.layernorm.running_mean" not in state:
        raise CheckpointError(
            "missing key vit.layernorm.running_mean: its norms are layer norms; a model must be"
            " trained with batch norms (the authors' option --replace-ln-bn)"
        )
    position = _tensor(state, _POSITION, 3)
    class_token = "vit.embeddings.cls_token" in state
    tokens = position.shape[1] - class_token
    grid, patch = isqrt(tokens), projection.shape[-1]
    if grid * grid != tokens or not tokens:
        raise CheckpointError(f"{_POSITION} has {tokens} patch tokens; they must form a square")
    stages = 1
    while any(name.startswith(f"vit.encoder.patch_embed{stages}.") for name in state):
        stages += 1
    given = {"heads": heads, "reduction": reduction, "depths": depths}
    for name, values in given.items():
        if values is not None and len(values) != stages:
            raise CheckpointError(
                f"{name}={list(values)} has {len(values)} entries; the checkpoint has"
                f" {stages} stage(s)"
            )
    channels = [projection.shape[0]]
    for stage in range(1, stages):
        channels.append(_tensor(state, f"vit.encoder.patch_embed{stage}.proj.weight", 4).shape[0])
    kinds = _block_kinds(state)
    if depths is None:
        depths = _depths(kinds, channels)
    elif sum(depths) != len(kinds) or min(depths) < 1:
        raise CheckpointError(f"depths={list(depths)}; the checkpoint has {len(kinds)} blocks")
    hidden = [kinds[sum(depths[:stage])][1] for stage in range(stages)]
    try:
        return ModelConfig(
            image=grid * patch, patch=patch, channels=channels, depths=depths,
            reduction=reduction, heads=heads, hidden=hidden,
            classes=_tensor(state, "classifier.weight", 2).shape[0],
            embedding="binary" if stages == 1 or "vit.encoder.patch_embed1.move" in state
            else "real",
            class_token=class_token,
            pooled_branches=any(f"{_LAYER}0.layerscale_{b}.alpha" in state for b in BRANCHES),
            layer_scale=f"{_LAYER}0.output.layerscale.alpha" in state,
            stem_norm="vit.embeddings.norm.weight" in state,
        )  # fmt: skip
    except ConfigError as error:
        raise CheckpointError(str(error)) from error


def _block_kinds(state: State) -> list[tuple[int, int, bool]]:
    """Width, hidden width and presence of the reduction parts of every block."""
    numbers = [name.split(".")[3] for name in state if name.startswith(_LAYER)]
    blocks = 1 + max((int(number) for number in numbers if number.isdigit()), default=0)
    kinds = []
    for number in range(blocks):
        prefix = f"{_LAYER}{number}."
        hidden, width = _tensor(state, f"{prefix}intermediate.dense.weight", 2).shape
        kinds.append((width, hidden, f"{prefix}attention.attention.mover" in state))
    return kinds


def _depths(kinds: list[tuple[int, int, bool]], channels: list[int]) -> list[int]:
    """Blocks a stage: a stage is a run of blocks of one kind."""
    runs = []
    for number, kind in enumerate(kinds):
        if number and kind == kinds[number - 1]:
            runs[-1][1] += 1
        else:
            runs.append([kind[0], 1])
    if [width for width, _ in runs] != channels:
        raise CheckpointError(
            f"runs of like blocks of widths {[width for width, _ in runs]} do not show the depths"
            f" of stages of widths {channels}; give depths"
        )
    return [count for _, count in runs]
