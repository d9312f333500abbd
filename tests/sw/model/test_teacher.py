"""CIFAR ResNet teachers from .npz files."""

import numpy as np
import pytest
import torch

from sw.model import CheckpointError
from sw.model.teacher import CifarResNet, load_teacher, logits_of


def write(path, change=lambda state: state):
    torch.manual_seed(0)
    model = CifarResNet(1)
    state = {n: v.numpy() for n, v in model.state_dict().items() if "num_batches" not in n}
    np.savez(path, **change(state))
    return model.eval()


def test_round_trip(tmp_path):
    model = write(tmp_path / "teacher.npz")
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    got = logits_of(load_teacher(tmp_path / "teacher.npz"), images, batch=2)
    assert torch.allclose(got, logits_of(model, images), atol=1e-6) and got.shape == (3, 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"x": np.zeros(2)}, "not a CIFAR ResNet"),
        (lambda s: {n: v for n, v in s.items() if n != "bn1.bias"}, r"missing \['bn1.bias'\]"),
        (lambda s: {**s, "conv1.weight": np.zeros((16, 3, 5, 5))}, "conv1.weight"),
    ],
)
def test_errors(tmp_path, change, message):
    write(tmp_path / "teacher.npz", change)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_teacher(tmp_path / "teacher.npz")
    assert "\n" not in str(caught.value)


def test_not_an_archive(tmp_path):
    (tmp_path / "teacher.npz").write_bytes(b"text")
    with pytest.raises(CheckpointError, match=r"not an \.npz teacher"):
        load_teacher(tmp_path / "teacher.npz")
