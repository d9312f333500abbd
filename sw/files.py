"""The files of a command: models (packed, shipped, random), pictures, and what it will write."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hw.spec import contract_digest
from hw.spec.image import SUFFIX
from sw.compiler.packed import PackedNetwork

PROJECT = Path(__file__).resolve().parents[1]
MODELS = PROJECT / "sw" / "models"
DEFAULT_MODEL = "cifar10"
RANDOM_MODELS = ("random:binaryvit", "random:deit-s", "random:cifar10")
"""Names of :data:`sw.compiler.random_model.RANDOM_MODELS`, known without loading PyTorch."""
SEEDS = 1 << 30
"""Seeds that every random generator takes."""
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


def load_model(
    name: str, seed: int = 0, report: Callable[[str], None] = lambda _: None
) -> PackedNetwork:
    """A packed file, a shipped model's name, or one of :data:`RANDOM_MODELS`.

    Raises
    ------
    InputError, PackedImageError
        For a model that does not exist or cannot be read.
    """
    from sw.compiler.pack import read_packed

    if name.startswith("random:"):
        return _random_model(name, seed, report)
    path = Path(name)
    if not path.is_file():
        shipped = MODELS / f"{name}{SUFFIX}"
        if not shipped.is_file():
            known = ", ".join(sorted(p.stem for p in MODELS.glob(f"*{SUFFIX}"))) or "none"
            raise InputError(
                f"model {name!r}: no such file, and no shipped model of that name; "
                f"shipped: {known}; or {', '.join(RANDOM_MODELS)}"
            )
        path = shipped
    return read_packed(path)


def _random_model(name: str, seed: int, report: Callable[[str], None]) -> PackedNetwork:
    """A random, calibrated model, kept between runs."""
    from sw.compiler.pack import pack, read_packed

    if name not in RANDOM_MODELS:
        raise InputError(f"model {name}: unknown; choose one of {', '.join(RANDOM_MODELS)}")
    sources = b"".join(
        path.read_bytes()
        for part in ("compiler", "golden", "model", "data")
        for path in sorted((PROJECT / "sw" / part).glob("*.py"))
        if path.name not in ("__main__.py", "show.py")
    )
    short = name.removeprefix("random:")
    key = hashlib.sha256(sources + f"{contract_digest()} {short} {seed}".encode())
    path = PROJECT / "build" / "models" / f"{short}-{key.hexdigest()[:16]}{SUFFIX}"
    if not path.exists():
        from sw.compiler.random_model import packed_random

        report(f"make {name}, seed {seed} (kept for the next run)")
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.part")
        pack(packed_random(short, seed), scratch)
        scratch.rename(path)
    return read_packed(path)


def load_image(
    packed: PackedNetwork,
    path: Path | None,
    seed: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> np.ndarray:
    """A picture as the model takes it: uint8 (size, size, 3); conversions are reported.

    Parameters
    ----------
    path : Path or None
        None: a shipped picture, or a random smooth one for models of other sizes, by `seed`.

    Raises
    ------
    InputError, DataError
        For a file that is missing or no picture.
    """
    from PIL import Image

    from sw.data.pictures import read_picture

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
    return fit(packed, pixels)


def fit(packed: PackedNetwork, pixels: np.ndarray) -> np.ndarray:
    """Pixels (H, W, 3) scaled and cropped as the model was trained; its own size stays as it is."""
    from sw.data.pictures import prepare

    size = packed.model.image
    return prepare(
        pixels, size, None if pixels.shape[:2] == (size, size) else packed.preprocessing.size
    )


def _default_image(size: int, seed: int, report: Callable[[str], None]) -> np.ndarray:
    """A shipped test picture of that size, or a random smooth one."""
    shipped = sorted((MODELS / "pictures").glob("*.png"))
    if size == 32 and shipped:
        from sw.data.pictures import read_picture

        report(f"image {shipped[seed % len(shipped)].name} (shipped)")
        return read_picture(shipped[seed % len(shipped)])
    from sw.data.synthetic import random_pictures

    report(f"image: random smooth picture of seed {seed}")
    return random_pictures(seed, 1, size)[0]


def check_seed(seed: int) -> None:
    """Raises InputError for a seed that not every random generator takes."""
    if not 0 <= seed < SEEDS:
        raise InputError(f"seed {seed}: choose 0 to {SEEDS - 1}")


def check_output(option: str, path: Path) -> None:
    """Raises InputError for a file that cannot be written; a long run must not end there."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise InputError(f"{option} {path}: {folder} is no folder; make it first")
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise InputError(f"{option} {path}: cannot be written ({error.strerror})") from None
