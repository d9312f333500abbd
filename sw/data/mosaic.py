"""CIFAR-sized pictures packed in mosaics: ``train_*.webp``, ``test_*.webp`` and ``labels.npz``.

A mosaic is one lossless picture of rows of tiles, in the data set's order.  ``labels.npz`` holds
``train_y`` and ``test_y``, and may hold ``class_names``.
"""

from pathlib import Path

import numpy as np

from sw.data.cifar import CLASS_NAMES
from sw.data.dataset import Dataset, check_labels
from sw.data.errors import DataError
from sw.data.pictures import read_picture

TILE = 32
"""Height and width of one picture in a mosaic, in pixels."""


def is_mosaic(folder: Path) -> bool:
    """Whether ``folder`` looks like a folder of mosaics."""
    return (folder / "labels.npz").is_file()


def cut(mosaic: np.ndarray, tile: int = TILE) -> np.ndarray:
    """Cut a picture (rows*tile, columns*tile, 3) into tiles (rows*columns, tile, tile, 3)."""
    rows, columns = mosaic.shape[0] // tile, mosaic.shape[1] // tile
    if mosaic.shape[:2] != (rows * tile, columns * tile):
        raise DataError(
            f"a mosaic of {mosaic.shape[1]}x{mosaic.shape[0]} pixels"
            f" does not divide into tiles of {tile}x{tile}"
        )
    grid = mosaic.reshape(rows, tile, columns, tile, 3)
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3, 4)).reshape(-1, tile, tile, 3)


def load_mosaic(folder: Path, split: str) -> Dataset:
    """Read ``split`` ("train" or "test") of a mosaic folder.

    Raises
    ------
    DataError
        If there is no mosaic of the split, one is unreadable, or the labels do not fit.
    """
    files = sorted(folder.glob(f"{split}_*.webp")) + sorted(folder.glob(f"{split}_*.png"))
    if not files:
        raise DataError(f"{folder}: no {split}_*.webp mosaic beside labels.npz")
    path = folder / "labels.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            labels = archive[f"{split}_y"].astype(np.int64)
            names = CLASS_NAMES
            if "class_names" in archive:
                names = tuple(str(name) for name in archive["class_names"])
    except Exception as error:  # numpy raises many types for a damaged archive
        raise DataError(f"{path}: cannot read {split}_y ({type(error).__name__})") from error
    pieces = []
    for file in files:
        try:
            pieces.append(cut(read_picture(file)))
        except DataError as error:
            raise DataError(str(error) if str(file) in str(error) else f"{file}: {error}") from None
    images = np.concatenate(pieces)
    if labels.shape != (len(images),):
        raise DataError(
            f"{path}: {split}_y has shape {labels.shape}, but there are {len(images)} {split} "
            f"pictures beside it; give it ({len(images)},)"
        )
    remedy = "mend the labels, or give class_names there a name a class"
    check_labels(f"{path}: {split}_y", labels, names, remedy)
    return Dataset(images, labels, names)
