"""Where the block's weights and its input come from: packed models, random models, pictures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hw.spec import contract_digest
from hw.spec.image import SUFFIX
from sim.build.cache import PROJECT
from sw.compiler.packed import PackedNetwork, block_name

MODELS = PROJECT / "sw" / "models"
DEFAULT_MODEL = "cifar10"
MODE_NAMES = {
    "RGBA": "RGBA (transparency ignored)",
    "L": "greyscale",
    "LA": "greyscale (transparency ignored)",
    "P": "palette",
    "1": "black and white",
    "CMYK": "CMYK",
}
"""Pillow's picture modes in words."""


class InputError(ValueError):
    """Bad input of a run: thing, value, rule and remedy in one line."""


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


def load_model(name: str, seed: int, report: Callable[[str], None]) -> PackedNetwork:
    """A packed file, a shipped model's name, or ``random:binaryvit``.

    Raises
    ------
    InputError, PackedImageError
        For a model that does not exist or cannot be read.
    """
    from sw.compiler.pack import read_packed

    if name.startswith("random:"):
        return _random_model(name.removeprefix("random:"), seed, report)
    path = Path(name)
    if not path.is_file():
        shipped = MODELS / f"{name}{SUFFIX}"
        if not shipped.is_file():
            known = ", ".join(sorted(p.stem for p in MODELS.glob(f"*{SUFFIX}"))) or "none"
            raise InputError(
                f"model {name!r}: no such file, and no shipped model of that name; "
                f"shipped: {known}; or random:binaryvit, random:cifar10"
            )
        path = shipped
    return read_packed(path)


def _random_model(name: str, seed: int, report: Callable[[str], None]) -> PackedNetwork:
    """A random, calibrated model, kept between runs."""
    from sw.compiler.pack import pack, read_packed
    from sw.compiler.random_model import RANDOM_MODELS, packed_random

    if name not in RANDOM_MODELS:
        raise InputError(
            f"model random:{name}: unknown; choose one of "
            + ", ".join(f"random:{known}" for known in RANDOM_MODELS)
        )
    sources = b"".join(
        path.read_bytes()
        for part in ("compiler", "model", "data")
        for path in sorted((PROJECT / "sw" / part).glob("*.py"))
        if path.name not in ("__main__.py", "show.py")
    )
    key = hashlib.sha256(sources + f"{contract_digest()} {name} {seed}".encode())
    path = PROJECT / "build" / "models" / f"{name}-{key.hexdigest()[:16]}{SUFFIX}"
    if not path.exists():
        report(f"make random:{name}, seed {seed} (kept for the next run)")
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.part")
        pack(packed_random(name, seed), scratch)
        scratch.rename(path)
    return read_packed(path)


def check_block(depths: tuple[int, ...], stage: int, block: int) -> None:
    """Raises InputError for a stage or block that the model does not have; lists them."""
    if not 1 <= stage <= len(depths):
        raise InputError(f"stage {stage}: the model has stages 1 to {len(depths)}")
    if not 0 <= block < depths[stage - 1]:
        raise InputError(f"block {block}: stage {stage} has blocks 0 to {depths[stage - 1] - 1}")


def load_image(
    packed: PackedNetwork, path: Path | None, seed: int, report: Callable[[str], None]
) -> np.ndarray:
    """A picture as the model takes it: uint8 (size, size, 3); conversions are reported.

    Raises
    ------
    InputError, DataError
        For a file that is missing or no picture.
    """
    from sw.data import prepare, read_picture

    size = packed.model.image
    if path is None:
        return _default_image(size, seed, report)
    if not path.is_file():
        raise InputError(f"image {path}: no such file; give a picture (PNG, JPEG, ...)")
    pixels = read_picture(path)
    with Image.open(path) as picture:
        mode = picture.mode
    if mode != "RGB":
        report(f"image {path.name}: {MODE_NAMES.get(mode, mode)} converted to RGB")
    if pixels.shape[:2] != (size, size):
        report(
            f"image {path.name}: {pixels.shape[1]}x{pixels.shape[0]} scaled and cropped to "
            f"{size}x{size}"
        )
    resize = None if pixels.shape[:2] == (size, size) else packed.preprocessing.size
    return prepare(pixels, size, resize)


def _default_image(size: int, seed: int, report: Callable[[str], None]) -> np.ndarray:
    """A shipped test picture of that size, or a random smooth one."""
    shipped = sorted((MODELS / "pictures").glob("*.png"))
    if size == 32 and shipped:
        from sw.data import read_picture

        report(f"image {shipped[seed % len(shipped)].name} (shipped)")
        return read_picture(shipped[seed % len(shipped)])
    from sw.data.synthetic import random_pictures

    report(f"image: random smooth picture of seed {seed}")
    return random_pictures(seed, 1, size)[0]


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
