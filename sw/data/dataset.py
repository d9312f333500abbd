"""A labelled set of equally sized pictures."""

import hashlib
from dataclasses import dataclass

import numpy as np

from sw.data.errors import DataError


def check_labels(
    what: str, labels: np.ndarray, class_names: tuple[str, ...], remedy: str = "mend the labels"
) -> None:
    """Refuse labels without a class; ``what``, a file if they are of one, begins the message.

    Raises
    ------
    DataError
    """
    classes = len(class_names)
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise DataError(
            f"{what}: labels span {labels.min()}..{labels.max()}, but {classes} classes are "
            f"numbered from 0; {remedy}"
        )


@dataclass(frozen=True)
class Dataset:
    """Pictures with their labels.

    Parameters
    ----------
    images : uint8 array (N, H, W, 3)
        RGB pixels, 0..255.
    labels : int64 array (N,)
        Class numbers, indices into ``class_names``.
    class_names : tuple of str

    Raises
    ------
    DataError
        If shapes or types disagree, or a label has no class name.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self):
        if self.images.ndim != 4 or self.images.shape[3] != 3 or self.images.dtype != np.uint8:
            raise DataError(
                f"Dataset: images are {self.images.dtype} {self.images.shape};"
                " they must be uint8 (N, H, W, 3)"
            )
        if self.labels.shape != (len(self.images),):
            raise DataError(
                f"Dataset: {self.labels.shape} labels for {len(self.images)} images;"
                " give one label an image"
            )
        check_labels("Dataset", self.labels, self.class_names)

    def __len__(self) -> int:
        return len(self.images)

    def digest(self) -> str:
        """SHA-256, shortened, of pixels, labels and class names."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        digest.update("\n".join(self.class_names).encode())
        return digest.hexdigest()[:16]

    def sample(self, count: int) -> "Dataset":
        """``count`` pictures at most, scattered: folders are sorted by class; always the same."""
        return self.take(np.random.default_rng(0).permutation(len(self))[:count])

    def take(self, indices) -> "Dataset":
        """The same classes, only the pictures at ``indices`` (an index array or a slice)."""
        return Dataset(self.images[indices], self.labels[indices], self.class_names)
