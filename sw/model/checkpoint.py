"""Checkpoints with the names of the authors' training code, as safetensors or torch files.

Every size but two is read off the tensors: ``heads`` leave no trace in a checkpoint, and of
``reduction`` only its presence shows.
"""

import argparse
import pickle
from collections.abc import Sequence
from math import isqrt
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from sw.model.binaryvit import BinaryViT
from sw.model.config import ModelConfig
from sw.model.errors import CheckpointError, ConfigError

_LAYER = "vit.encoder.layer."
_POSITION = "vit.embeddings.position_embeddings"
_PROJECTION = "vit.embeddings.patch_embeddings.projection.weight"

State = dict[str, torch.Tensor]


def read_state(path: str | Path) -> State:
    """Read a state dict: safetensors, or a torch file, bare or wrapped as ``{"model": ...}``.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, no checkpoint, or holds something besides tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals([argparse.Namespace]):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: damaged, or holds objects besides tensors and argparse.Namespace"
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: not a checkpoint, or truncated") from error
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]
    if not isinstance(state, dict) or not state:
        raise CheckpointError(f"{path}: not a checkpoint; it holds a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise CheckpointError(f"{path}: {name} is a {type(value).__name__}, not a tensor")
    return dict(state)


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
    """Read a model's sizes off its tensors; arguments as in :func:`from_checkpoint`.

    Raises
    ------
    CheckpointError
        If a tensor that shows a size is missing or misshapen, or ``heads`` or ``reduction`` has
        the wrong length or does not divide.
    """
    projection = _tensor(state, _PROJECTION, 4)
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
            pooled_branches=f"{_LAYER}0.layerscale_h3.alpha" in state,
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


def load_state(module: BinaryViT, state: State) -> None:
    """Copy a state dict into a module of the same sizes.

    A learned vector may have any shape with the right number of elements.

    Raises
    ------
    CheckpointError
        Naming the key that is missing, unexpected, of the wrong shape, or holds NaN or infinity.
    """
    expected = module.state_dict()
    optional = {name for name in expected if name.endswith("num_batches_tracked")}
    missing = sorted(set(expected) - set(state) - optional)
    if missing:
        raise CheckpointError(f"missing key {missing[0]}{_more(missing)}")
    unexpected = sorted(set(state) - set(expected))
    if unexpected:
        raise CheckpointError(f"unexpected key {unexpected[0]}{_more(unexpected)}")
    for name, value in state.items():
        want = expected[name].shape
        is_vector = value.numel() == expected[name].numel() == max((*want, *value.shape, 1))
        if value.shape != want and not is_vector:
            raise CheckpointError(f"{name} has shape {list(value.shape)}; expected {list(want)}")
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise CheckpointError(f"{name} holds NaN or infinity")
    for name, value in state.items():
        expected[name].copy_(value.reshape(expected[name].shape))


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def from_checkpoint(
    path: str | Path,
    heads: Sequence[int],
    reduction: Sequence[int],
    depths: Sequence[int] | None = None,
) -> BinaryViT:
    """Build the model that a checkpoint holds, in eval mode.

    Parameters
    ----------
    path : path of a ``.safetensors`` or torch file
    heads, reduction : one integer a stage
        Attention heads, and the edge of the window that keys and values are pooled over.
    depths : one integer a stage, or None
        Needed only where neighbouring stages have blocks of the same shape.

    Raises
    ------
    CheckpointError
        One line: what is wrong with the file, a key, ``heads``, ``reduction`` or ``depths``.
    """
    state = read_state(path)
    try:
        config = infer_config(state, heads, reduction, depths)
        module = BinaryViT(config)
        load_state(module, state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return module.eval()


def exact_zeros(module: BinaryViT) -> dict[str, int]:
    """Binary weights that are exactly 0 where their sign is taken, counted by parameter name.

    The authors' code gives such a weight the sign 0, this one +1: a caller should tell its user.
    """
    counts = {}
    for name, part in module.named_modules():
        zeros = getattr(part, "exact_zeros", None)
        if zeros is not None and zeros():
            counts[f"{name}.weight"] = zeros()
    return counts


def save_checkpoint(module: BinaryViT, path: str | Path) -> None:
    """Write a module's state as safetensors, with the authors' names."""
    state = {name: value.detach().contiguous() for name, value in module.state_dict().items()}
    safetensors.torch.save_file(state, Path(path))
