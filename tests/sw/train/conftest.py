"""Pictures to train on."""

import numpy as np
import pytest

from sw.data import Dataset


@pytest.fixture
def data():
    """Dark and bright pictures: two classes that anything learns."""
    random = np.random.default_rng(0)
    labels = np.arange(48) % 2
    images = random.integers(0, 100, (48, 8, 8, 3)) + 150 * labels[:, None, None, None]
    return Dataset(images.astype(np.uint8), labels.astype(np.int64), ("dark", "bright"))
