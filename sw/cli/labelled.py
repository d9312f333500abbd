"""Labelled pictures of a user's folder, with the model's classes as labels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np

from sw.compiler.packed import PackedNetwork
from sw.data import DataError, Skip, load
from sw.data.cifar import is_cifar10
from sw.data.mosaic import is_mosaic
from sw.data.pictures import SUFFIXES, read_all
from sw.files import fit

NAMES_SHOWN = 20
"""Class names that an error lists at most."""


@dataclass(frozen=True)
class Labelled:
    """Pictures to evaluate.

    Attributes
    ----------
    images : uint8 array (N, size, size, 3)
    labels : list of int
        Class numbers of the model.
    files : list of str
        Path below the folder, or ``test[17]`` for picture 17 of a data set's test split.
    """

    images: np.ndarray
    labels: list[int]
    files: list[str]


def labelled(
    folder: Path, packed: PackedNetwork, limit: int | None, skip: Skip | None = None
) -> Labelled:
    """The test pictures of a folder.

    Parameters
    ----------
    folder : Path
        CIFAR-10 (``cifar-10-batches-py``, or the folder that holds it), mosaics with labels, or a
        folder (or its ``test`` folder) with one sub-folder of pictures a class, named as the
        model's classes, not necessarily all of them.
    limit : int or None
        Pictures at most: the first of a data set; of sub-folders the first of every class, then
        the second of every class, and so on.
    skip : callable or None
        Unreadable pictures of sub-folders are left out, and it is told of each.

    Raises
    ------
    DataError
        For a folder that is missing, empty or unreadable, and for classes unknown to the model.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the folder of a data set")
    if (folder / "cifar-10-batches-py").is_dir() or is_cifar10(folder) or is_mosaic(folder):
        return _data_set(folder, packed, limit)
    inside = folder / "test" if (folder / "test").is_dir() else folder
    return _class_folders(inside, packed, limit, skip)


def _data_set(folder: Path, packed: PackedNetwork, limit: int | None) -> Labelled:
    data = load(folder, "test").take(slice(limit))
    if not len(data):
        raise DataError(f"{folder}: the test split holds no picture")
    number = _class_numbers(folder, data.class_names, packed)
    return Labelled(
        np.stack([fit(packed, image) for image in data.images]),
        [number[data.class_names[label]] for label in data.labels],
        [f"test[{i}]" for i in range(len(data))],
    )


def _class_folders(
    folder: Path, packed: PackedNetwork, limit: int | None, skip: Skip | None
) -> Labelled:
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
    if not classes:
        raise DataError(
            f"{folder}: no data set; expected cifar-10-batches-py files, mosaics with labels.npz, "
            "or one sub-folder of pictures a class"
        )
    number = _class_numbers(folder, [entry.name for entry in classes], packed)
    by_class = []
    for entry in classes:
        by_class.append(sorted(f for f in entry.iterdir() if f.suffix.lower() in SUFFIXES))
        if not by_class[-1]:
            raise DataError(
                f"{entry}: no pictures; a class folder holds {', '.join(sorted(SUFFIXES))}"
            )
    files = list(islice((f for turn in zip_longest(*by_class) for f in turn if f), limit))
    read = read_all(files, lambda pixels: fit(packed, pixels), skip)
    if not read:
        raise DataError(f"{folder}: none of its pictures is readable")
    return Labelled(
        np.stack([pixels for _, pixels in read]),
        [number[file.parent.name] for file, _ in read],
        [str(file.relative_to(folder)) for file, _ in read],
    )


def _class_numbers(folder: Path, names, packed: PackedNetwork) -> dict[str, int]:
    """Number in the model of every class name; a model without names takes a data set's order."""
    unknown = [name for name in names if name not in packed.classes]
    unnamed = packed.classes == tuple(str(i) for i in range(len(packed.classes)))
    if unknown and unnamed and len(names) == len(packed.classes):
        return {name: i for i, name in enumerate(names)}
    if unknown:
        known = ", ".join(packed.classes[:NAMES_SHOWN])
        more = len(packed.classes) - NAMES_SHOWN
        raise DataError(
            f"{folder}: class {unknown[0]!r} is unknown to the model; it knows {known}"
            + (f" and {more} more" if more > 0 else "")
        )
    return {name: packed.classes.index(name) for name in names}
