"""CIFAR-10 as its authors publish it: a ``cifar-10-batches-py`` folder of pickled batches."""

import pickle
from pathlib import Path

import numpy as np

from sw.data.dataset import Dataset, check_labels
from sw.data.errors import DataError

CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

_SPLITS = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles the arrays of a batch and nothing else: a pickle can name any function."""

    _ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }

    def find_class(self, module, name):
        if (module, name) not in self._ALLOWED:
            raise DataError(f"the batch wants {module}.{name}; only plain arrays are accepted")
        if module == "numpy.core.multiarray":
            module = "numpy._core.multiarray"
        return super().find_class(module, name)


def is_cifar10(folder: Path) -> bool:
    """Whether ``folder`` holds a batch file of CIFAR-10's Python version."""
    return any((folder / name).is_file() for names in _SPLITS.values() for name in names)


def load_cifar10(folder: Path, split: str) -> Dataset:
    """Read ``split`` ("train" or "test") of a ``cifar-10-batches-py`` folder.

    Raises
    ------
    DataError
        Naming the batch that is missing, is no batch, or has the wrong shape.
    """
    images, labels = [], []
    for name in _SPLITS[split]:
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path}: missing; the {split} split needs {', '.join(_SPLITS[split])}")
        try:
            with path.open("rb") as file:
                batch = _PlainUnpickler(file, encoding="bytes").load()
            pixels = np.asarray(batch[b"data"], dtype=np.uint8)
            images.append(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
            labels.append(np.asarray(batch[b"labels"], dtype=np.int64))
            check_labels("CIFAR-10", labels[-1], CLASS_NAMES)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error
        except Exception as error:  # a damaged pickle raises almost anything
            raise DataError(
                f"{path}: not a CIFAR-10 batch ({type(error).__name__}: {error})"
            ) from error
    return Dataset(
        np.ascontiguousarray(np.concatenate(images)), np.concatenate(labels), CLASS_NAMES
    )
