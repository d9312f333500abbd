"""Where calibration pictures come from: any data folder, a folder of pictures, an array, noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sw.compiler.errors import CompileError
from sw.data import load, prepare, random_pictures, read_picture
from sw.data.mosaic import is_mosaic
from sw.data.pictures import SUFFIXES

COUNT, LARGE_COUNT, LARGE = 64, 16, 128
"""Pictures that set the scales, and how many of those that have `LARGE` pixels a side or more."""


def calibration_pictures(
    source: Path | None, size: int, count: int | None = None
) -> tuple[Tensor, tuple[str, ...]]:
    """Pictures to calibrate with, and the class names of their data set.

    Parameters
    ----------
    source : path or None
        A data folder as :func:`sw.data.load` takes it (its train split), a folder of pictures, or
        a uint8 ``.npy``; None makes smooth noise.
    size : int
        Pixels a side that the model takes.
    count : int
        Pictures at most (default: fewer of large ones), spread evenly over the data set.

    Returns
    -------
    uint8 tensor (N, size, size, 3) and tuple of str
        No names where the source has none.

    Raises
    ------
    CompileError, DataError
        For a path that is missing, holds no pictures, or holds pictures of another shape.
    """
    count = count or (COUNT if size < LARGE else LARGE_COUNT)
    if source is None:
        return torch.from_numpy(random_pictures(0, count, size)), ()
    names: tuple[str, ...] = ()
    if source.suffix == ".npy":
        pictures = _array(source)
    elif not source.is_dir():
        raise CompileError(
            f"calibration {source}: no such folder; give a data folder, a folder "
            "of pictures or a .npy file"
        )
    elif files := _plain_pictures(source):
        pictures = np.stack([prepare(read_picture(path), size) for path in _spread(files, count)])
    else:
        data = load(source, "train", size)
        pictures, names = data.images, data.class_names
    if not len(pictures) or pictures.shape[1:] != (size, size, 3):
        raise CompileError(
            f"calibration {source}: pictures are {pictures.shape}, the model takes "
            f"(N, {size}, {size}, 3)"
        )
    return torch.from_numpy(np.stack(_spread(pictures, count))), names


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CompileError(f"calibration {path}: {error}") from None
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        raise CompileError(f"calibration {path}: not a uint8 array")
    return array


def _plain_pictures(folder: Path) -> list[Path]:
    """Pictures that lie in the folder itself, unless they are mosaics of pictures."""
    if is_mosaic(folder):
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _spread(items, count: int) -> list:
    """At most `count` of the items, evenly spaced: data sets may be sorted by class."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[i] for i in chosen]
