"""Reading pictures: one file, or a folder with one sub-folder a class."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from sw.data.dataset import Dataset
from sw.data.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".ppm"}
NAMED = 3
"""Unreadable pictures that an error names."""

Skip = Callable[[str], None]
"""Told of each picture that is left out, in one line."""


def read_picture(path: Path) -> np.ndarray:
    """Read one picture as uint8 (H, W, 3) RGB.

    Raises
    ------
    DataError
        Naming the file, if it is missing, truncated or no picture.
    """
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: unreadable picture ({type(error).__name__})") from error


def prepare(pixels: np.ndarray, size: int, resize: int | None = None) -> np.ndarray:
    """Scale the short side to ``resize`` (bicubic), then cut the central ``size`` square.

    ``resize`` is by default ``size`` * 256 / 224, the authors' proportion, except for pictures
    which already are ``size`` x ``size``: they stay as they are.
    """
    height, width = pixels.shape[:2]
    if (height, width) == (size, size) and resize is None:
        return pixels
    resize = round(size * 256 / 224) if resize is None else resize
    if resize < size:
        raise DataError(f"prepare: resize={resize} is smaller than the {size} pixel crop")
    scale = resize / min(height, width)
    scaled = (max(resize, round(width * scale)), max(resize, round(height * scale)))
    picture = np.asarray(Image.fromarray(pixels).resize(scaled, Image.Resampling.BICUBIC))
    top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
    return picture[top : top + size, left : left + size]


def read_all(
    files: list[Path], then: Callable[[np.ndarray], np.ndarray], skip: Skip | None = None
) -> list[tuple[Path, np.ndarray]]:
    """Every file with ``then(pixels)``, in order: only that is kept, pictures may be large.

    Raises
    ------
    DataError
        Naming the unreadable pictures, unless ``skip`` is told of them and they are left out.
    """
    read, unreadable = [], []
    for file in files:
        try:
            read.append((file, then(read_picture(file))))
        except DataError as error:
            unreadable.append(str(error))
    for line in unreadable if skip else ():
        skip(f"left out: {line}")
    if unreadable and not skip:
        more = len(unreadable) - NAMED
        raise DataError(
            "; ".join(unreadable[:NAMED])
            + (f" and {more} more" if more > 0 else "")
            + "; mend or remove what is unreadable, or pass --skip-unreadable"
        )
    return read


def load_picture_folder(folder: Path, size: int, skip: Skip | None = None) -> Dataset:
    """Read a folder with one sub-folder of pictures per class, in alphabetical order.

    Parameters
    ----------
    folder : Path
    size : int
        Height and width in pixels that every picture is brought to by :func:`prepare`.
    skip : callable or None
        Leave unreadable pictures out and tell it of each; None: they are an error.

    Raises
    ------
    DataError
        If there is no class folder, a class has no picture, or pictures are unreadable (named).
    """
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
    if not classes:
        raise DataError(
            f"{folder}: no data set; expected cifar-10-batches-py files, mosaics with labels.npz,"
            " or one sub-folder of pictures a class"
        )
    files: list[Path] = []
    for entry in classes:
        here = sorted(f for f in entry.iterdir() if f.suffix.lower() in SUFFIXES)
        if not here:
            raise DataError(
                f"{entry}: no pictures; a class folder holds {', '.join(sorted(SUFFIXES))}"
            )
        files += here
    read = read_all(files, lambda pixels: prepare(pixels, size), skip)
    number = {entry: i for i, entry in enumerate(classes)}
    labels = [number[file.parent] for file, _ in read]
    for entry in classes:
        if number[entry] not in labels:
            raise DataError(f"{entry}: none of its pictures is readable")
    return Dataset(
        np.stack([pixels for _, pixels in read]),
        np.asarray(labels, dtype=np.int64),
        tuple(entry.name for entry in classes),
    )
