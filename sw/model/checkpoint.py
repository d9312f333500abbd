"""Checkpoints with the names of the authors' training code, as safetensors or torch files."""

import argparse
import json
import pickle
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from sw.atomic import write_atomically
from sw.model.binaryvit import BinaryViT
from sw.model.config import ModelConfig
from sw.model.errors import CheckpointError
from sw.model.infer import State, infer_config


def read_state(path: str | Path) -> State:
    """Read a state dict: safetensors, or a torch file, bare or wrapped as ``{"model": ...}``.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, no checkpoint, holds something besides tensors, or is
        of a model with real weights.
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
        bits = getattr(state.get("args"), "weight_bits", 1)  # no tensor would show 32
        if bits != 1:
            raise CheckpointError(f"{path}: trained with weight_bits={bits}; they must be 1")
        state = state["model"]
    if not isinstance(state, dict) or not state:
        raise CheckpointError(f"{path}: not a checkpoint; it holds a {type(state).__name__}")
    for name, value in state.items():
        if not isinstance(value, torch.Tensor):
            raise CheckpointError(f"{path}: {name} is a {type(value).__name__}, not a tensor")
    return dict(state)


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


def _silent_branches(module: BinaryViT, state: State) -> State:
    """Zeros for the pooled branches of a length (3 or 5) that no block of the checkpoint has.

    The authors' options ``--avg-res3`` and ``--avg-res5`` are separate; a zero branch adds 0.
    """
    given = {part for name in state for part in name.split(".") if "layerscale_" in part}
    absent = {
        f"layerscale_{axis}{size}"
        for size in "35"
        if not given & {f"layerscale_h{size}", f"layerscale_w{size}"}
        for axis in "hw"
    }
    return {
        name: torch.zeros_like(value)
        for name, value in module.state_dict().items()
        if name.split(".")[-2] in absent
    }


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
        load_state(module, {**state, **_silent_branches(module, state)})
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
    """Write a module's state as safetensors, with the authors' names and its sizes."""
    write_atomically(Path(path), checkpoint_bytes(module))


def checkpoint_bytes(module: BinaryViT) -> bytes:
    """What :func:`save_checkpoint` writes."""
    state = {name: value.detach().contiguous() for name, value in module.state_dict().items()}
    return safetensors.torch.save(state, {"config": json.dumps(module.config.to_dict())})


def saved_config(path: str | Path) -> ModelConfig | None:
    """The sizes in a checkpoint that :func:`save_checkpoint` wrote; None in any other file.

    ``heads`` and ``reduction``, which the tensors do not show, are among them.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            return ModelConfig(**json.loads((file.metadata() or {})["config"]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None
