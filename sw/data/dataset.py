"""A labelled set of equally sized pictures."""

import hashlib
from dataclasses import dataclass

import numpy as np

from sw.data.errors import DataError


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
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < len(
            self.class_names
        ):
            raise DataError(
                f"Dataset: labels span {self.labels.min()}..{self.labels.max()}"
                f" but there are {len(self.class_names)} class names"
            )

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
