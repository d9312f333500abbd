"""Packed images: whole round trips, and one typed line for every malformed file."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from sw.compiler.errors import (
    DamagedImage,
    InvalidTensor,
    MissingTensor,
    PackedImageError,
    TruncatedImage,
    WrongContract,
    WrongVersion,
)
from sw.compiler.pack import pack, read_packed
from sw.golden import run


@pytest.fixture
def image(pyramid, tmp_path):
    path = tmp_path / "model.bvit"
    pack(pyramid[2].packed, path)
    return path


def rewrite(path, change):
    """Rewrites a packed image after ``change(metadata, tensors)``."""
    with safe_open(str(path), "numpy") as file:
        metadata = dict(file.metadata())
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(metadata, tensors)
    save_file(tensors, str(path), metadata)


def test_round_trip_gives_the_same_logits(network, tmp_path):
    _, _, quantised, images = network
    pack(quantised.packed, tmp_path / "m.bvit")
    again = read_packed(tmp_path / "m.bvit")
    assert again.model == quantised.packed.model
    assert again.preprocessing == quantised.packed.preprocessing
    assert again.scalars == quantised.packed.scalars
    assert torch.equal(run(again, images), run(quantised.packed, images))


def test_equal_networks_give_equal_files(image, tmp_path):
    for i in range(4):
        pack(read_packed(image), tmp_path / f"{i}.bvit")
        assert (tmp_path / f"{i}.bvit").read_bytes() == image.read_bytes()


@pytest.mark.parametrize("keep", [0, 4, 8, 100, 5000, -1])
def test_truncated(image, keep):
    data = image.read_bytes()
    image.write_bytes(data[:keep])
    with pytest.raises(TruncatedImage, match="not a whole safetensors file"):
        read_packed(image)


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("version", "99", WrongVersion),
        ("contract", "0" * 64, WrongContract),
        ("layers", "{", InvalidTensor),
        ("layers", "[]", InvalidTensor),
        ("model", "{}", InvalidTensor),
        ("blocks", "{}", MissingTensor),
        ("branches", '{"stage9.block0": 8}', MissingTensor),
        ("scalars", "{}", MissingTensor),
    ],
)
def test_wrong_metadata(image, key, value, error):
    rewrite(image, lambda metadata, _: metadata.update({key: value}))
    with pytest.raises(error) as caught:
        read_packed(image)
    assert str(image) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["version", "contract", "model", "layers", "classes"])
def test_missing_metadata(image, key):
    rewrite(image, lambda metadata, _: metadata.pop(key))
    with pytest.raises(PackedImageError):
        read_packed(image)


def test_every_missing_tensor_is_found(image):
    with safe_open(str(image), "numpy") as file:
        names = list(file.keys())
    data = image.read_bytes()
    constant_able = (
        "gain",
        "residual_gain",
        "slope_positive",
        "threshold0",
        "threshold1",
        "threshold2",
    )
    checked = 0
    for name in names:
        if name.endswith(constant_able):
            continue
        image.write_bytes(data)
        rewrite(image, lambda _, tensors, name=name: tensors.pop(name))
        with pytest.raises(PackedImageError):
            read_packed(image)
        checked += 1
    assert checked > 50


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("stage1.block0.query.weight", lambda a: a[:-1]),
        ("stage1.block0.query.weight", lambda a: a | np.int64(1 << 62)),
        ("stage1.block0.query.bias", lambda a: a.astype("i4")),
        ("stage1.exp", lambda a: a[::-1].copy()),
        ("stage1.exp", lambda a: a + np.int32(1 << 24)),
        ("stem.matrix", lambda a: a[:, 1:].copy()),
        ("stem.position", lambda a: a[1:].copy()),
        ("stage1.block0.branch.gain_h3", lambda a: a[1:]),
    ],
)
def test_wrong_tensor(image, name, change):
    rewrite(image, lambda _, tensors: tensors.update({name: change(tensors[name])}))
    with pytest.raises(InvalidTensor):
        read_packed(image)


@pytest.mark.parametrize(("field", "value"), [("heads", [0, 1]), ("hidden", [128, 100])])
def test_impossible_sizes(image, field, value):
    def change(metadata, _):
        model = json.loads(metadata["model"])
        model[field] = value
        metadata["model"] = json.dumps(model)

    rewrite(image, change)
    with pytest.raises(InvalidTensor, match="impossible sizes"):
        read_packed(image)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8, 1.0])
def test_one_flipped_bit_of_the_tensors(image, place):
    """Values are still possible ones: nothing but the checksum can tell."""
    data = bytearray(image.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    data[start + int(place * (len(data) - 1 - start))] ^= 1
    image.write_bytes(data)
    with pytest.raises(PackedImageError, match=r"model\.bvit"):
        read_packed(image)


def test_other_weights_with_the_old_checksum(image):
    name = "stage1.block0.query.weight"
    rewrite(image, lambda _, tensors: tensors.update({name: tensors[name][::-1].copy()}))
    with pytest.raises(DamagedImage, match="do not match its checksum"):
        read_packed(image)


def test_unknown_names_list_the_known(pyramid):
    packed = pyramid[2].packed
    with pytest.raises(KeyError, match=r"stage1.block0.query"):
        packed.layer("stage1.block0.quarry")
    with pytest.raises(KeyError, match=r"stage2.block1"):
        packed.block(3, 0)
