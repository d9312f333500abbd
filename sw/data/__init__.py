"""Data loaders: ``load(folder, split, size)`` recognises the kinds of folder a user may have."""

from pathlib import Path

from sw.data.cifar import CLASS_NAMES, is_cifar10, load_cifar10
from sw.data.dataset import Dataset
from sw.data.errors import DataError
from sw.data.mosaic import is_mosaic, load_mosaic
from sw.data.normalise import normalise
from sw.data.pictures import Skip, load_picture_folder, prepare, read_picture
from sw.data.synthetic import random_pictures

__all__ = [
    "CLASS_NAMES",
    "DataError",
    "Dataset",
    "Skip",
    "has_split",
    "load",
    "load_cifar10",
    "load_mosaic",
    "load_picture_folder",
    "normalise",
    "prepare",
    "random_pictures",
    "read_picture",
]


def has_split(folder: str | Path, split: str) -> bool:
    """Whether a data set keeps pictures of ``split`` apart: one sub-folder a class does not."""
    folder = Path(folder)
    if (folder / "cifar-10-batches-py").is_dir() or is_cifar10(folder) or is_mosaic(folder):
        return True
    return (folder / split).is_dir()


def load(
    folder: str | Path, split: str = "test", size: int = 32, skip: Skip | None = None
) -> Dataset:
    """Read one split of a data set.

    Parameters
    ----------
    folder : path
        A ``cifar-10-batches-py`` folder (or the folder that contains it), a folder of mosaics
        with ``labels.npz``, or a folder with one sub-folder of pictures a class.  The last kind
        may have ``train`` and ``test`` folders above the classes; without them it has no splits
        and all its pictures are given.
    split : "train" or "test"
    size : int
        Picture size in pixels; the first two kinds are 32 x 32 by nature.
    skip : callable or None
        Unreadable pictures of a folder of pictures are left out, and it is told of each.

    Raises
    ------
    DataError
        One line: what is wrong with which folder or file.
    """
    folder = Path(folder)
    if split not in ("train", "test"):
        raise DataError(f"split={split!r}; use 'train' or 'test'")
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder")
    if (folder / "cifar-10-batches-py").is_dir():
        folder = folder / "cifar-10-batches-py"
    if is_cifar10(folder):
        return load_cifar10(folder, split)
    if is_mosaic(folder):
        return load_mosaic(folder, split)
    if (folder / split).is_dir():
        folder = folder / split
    return load_picture_folder(folder, size, skip)
