"""The float model beside its packed image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from sw.compiler.packed import PackedNetwork
from sw.files import InputError

if TYPE_CHECKING:
    from sw.model import BinaryViT

FloatOption = Annotated[
    Path | None, typer.Option("--checkpoint", help="the model's float checkpoint, to compare")
]
BATCH = 250


def load_float(checkpoint: Path, packed: PackedNetwork) -> BinaryViT:
    """The checkpoint that a model was packed from; what it does not say, the model does.

    Raises
    ------
    CheckpointError, InputError
        For a file that is no checkpoint, or one of another architecture than the model.
    """
    from sw.model import from_checkpoint

    shape = packed.model
    model = from_checkpoint(checkpoint, shape.heads, shape.reduction, shape.depths)
    for name in ("image", "patch", "channels", "hidden", "classes", "embedding", "class_token",
                 "pooled_branches", "layer_scale"):  # fmt: skip
        own, other = getattr(model.config, name), getattr(shape, name)
        if own != other:
            raise InputError(
                f"--checkpoint {checkpoint}: {name} is {own}, the model's is {other}; give the "
                "checkpoint that it was packed from"
            )
    return model


def float_classes(model: BinaryViT, images: np.ndarray) -> np.ndarray:
    """Class number that the float model gives each of uint8 pictures (N, H, W, 3)."""
    import torch

    from sw.data import normalise

    with torch.no_grad():
        parts = torch.from_numpy(images).split(BATCH)
        return torch.cat([model(normalise(part)).argmax(1) for part in parts]).numpy()
