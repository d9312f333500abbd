"""Data loaders on tiny made-up folders, and their one-line errors."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from sw.data import DataError, load, normalise, prepare, random_pictures, read_picture
from sw.data.mosaic import cut


def noise(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def write_cifar(folder, images, labels):
    folder.mkdir(parents=True)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    for name in names:
        data = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        (folder / name).write_bytes(
            pickle.dumps({b"data": data, b"labels": [int(v) for v in labels]}, 2)
        )


def write_mosaic(folder, images, labels):
    folder.mkdir(parents=True)
    rows = images.reshape(2, 3, 32, 32, 3).transpose(0, 2, 1, 3, 4).reshape(64, 96, 3)
    Image.fromarray(rows).save(folder / "train_00.webp", lossless=True)
    Image.fromarray(rows).save(folder / "test_00.webp", lossless=True)
    np.savez(folder / "labels.npz", train_y=labels, test_y=labels)


def write_pictures(folder, names=("cat", "dog"), size=(40, 36)):
    for name in names:
        (folder / name).mkdir(parents=True)
        for i in range(2):
            Image.fromarray(noise(*size, 3)).save(folder / name / f"{i}.png")


def test_cifar10_folder(tmp_path):
    images, labels = noise(4, 32, 32, 3), np.array([3, 0, 9, 5])
    write_cifar(tmp_path / "cifar-10-batches-py", images, labels)
    for folder in (tmp_path, tmp_path / "cifar-10-batches-py"):
        data = load(folder, "test")
        assert np.array_equal(data.images, images) and np.array_equal(data.labels, labels)
        assert data.class_names[3] == "cat"
    assert len(load(tmp_path, "train")) == 20


def test_mosaic_folder(tmp_path):
    images, labels = noise(6, 32, 32, 3), np.arange(6, dtype=np.uint8)
    write_mosaic(tmp_path / "mosaics", images, labels)
    data = load(tmp_path / "mosaics", "train")
    assert np.array_equal(data.images, images) and np.array_equal(data.labels, labels)
    assert np.array_equal(cut(images.reshape(-1, 32, 3)), images)


def test_folder_of_pictures(tmp_path):
    write_pictures(tmp_path / "pictures")
    data = load(tmp_path / "pictures", size=24)
    assert data.images.shape == (4, 24, 24, 3) and data.labels.tolist() == [0, 0, 1, 1]
    assert data.class_names == ("cat", "dog")
    write_pictures(tmp_path / "split" / "train", ["a"])
    write_pictures(tmp_path / "split" / "test", ["a", "b", "c"])
    assert load(tmp_path / "split", "test").class_names == ("a", "b", "c")


def test_taking_some(tmp_path):
    write_pictures(tmp_path / "pictures")
    data = load(tmp_path / "pictures", size=24)
    assert data.take(np.array([3, 0])).labels.tolist() == [1, 0] and len(data.take(slice(3))) == 3


def test_prepare_scales_the_short_side_and_crops():
    assert prepare(noise(300, 400, 3), 224).shape == (224, 224, 3)
    exact = noise(32, 32, 3)
    assert prepare(exact, 32) is exact
    grey = prepare(np.full((50, 70, 3), 77, np.uint8), 32)
    assert (grey == 77).all()
    with pytest.raises(DataError, match="smaller than the 32 pixel crop"):
        prepare(exact, 32, resize=16)


def damaged_cifar(folder):
    write_cifar(folder, noise(1, 32, 32, 3), [0])
    (folder / "test_batch").write_bytes(b"\x80\x02damaged")


def missing_cifar(folder):
    write_cifar(folder, noise(1, 32, 32, 3), [0])
    (folder / "test_batch").unlink()


def dangerous_cifar(folder):
    write_cifar(folder, noise(1, 32, 32, 3), [0])
    (folder / "test_batch").write_bytes(pickle.dumps({b"data": DataError, b"labels": []}))


def short_labels(folder):
    write_mosaic(folder, noise(6, 32, 32, 3), np.arange(5))


def column_of_labels(folder):
    write_mosaic(folder, noise(6, 32, 32, 3), np.arange(6)[:, None])


def one_label(folder):
    write_mosaic(folder, noise(6, 32, 32, 3), np.array(3))


def labels_without_a_class(folder):
    write_mosaic(folder, noise(6, 32, 32, 3), np.arange(6) - 1)
    labels = {"train_y": np.zeros(6), "test_y": np.arange(6) - 1}
    np.savez(folder / "labels.npz", **labels, class_names=["a", "b", "c", "d"])


def cifar100(folder):
    write_cifar(folder, noise(2, 32, 32, 3), [3, 99])


def odd_mosaic(folder):
    write_mosaic(folder, noise(6, 32, 32, 3), np.arange(6))
    Image.fromarray(noise(40, 96, 3)).save(folder / "test_00.webp")


def no_mosaic(folder):
    write_mosaic(folder, noise(6, 32, 32, 3), np.arange(6))
    (folder / "test_00.webp").unlink()


def no_labels(folder):
    write_mosaic(folder, noise(6, 32, 32, 3), np.arange(6))
    (folder / "labels.npz").write_bytes(b"no archive")


def empty_class(folder):
    write_pictures(folder)
    (folder / "emu").mkdir()


def broken_picture(folder):
    write_pictures(folder)
    whole = (folder / "dog" / "1.png").read_bytes()
    (folder / "dog" / "1.png").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "not a folder"),
        (lambda folder: folder.mkdir(), "no data set; expected"),
        (damaged_cifar, "test_batch: not a CIFAR-10 batch"),
        (missing_cifar, "test_batch: missing"),
        (dangerous_cifar, "only plain arrays are accepted"),
        (short_labels, r"labels.npz: test_y has shape \(5,\), but there are 6 test pictures"),
        (column_of_labels, r"labels.npz: test_y has shape \(6, 1\), but .*; give it \(6,\)"),
        (one_label, r"labels.npz: test_y has shape \(\), but there are 6 test pictures"),
        (
            labels_without_a_class,
            r"labels.npz: test_y: labels span -1\.\.4, but 4 classes are numbered from 0; mend the",
        ),
        (cifar100, r"test_batch: CIFAR-10: labels span 3\.\.99, but 10 classes are numbered from"),
        (odd_mosaic, "test_00.webp: a mosaic of 96x40 pixels"),
        (no_mosaic, "no test_.* mosaic"),
        (no_labels, "cannot read test_y"),
        (empty_class, "emu: no pictures"),
        (broken_picture, r"1\.png: unreadable picture"),
    ],
)
def test_errors_are_one_line_and_name_the_file(tmp_path, make, message):
    make(tmp_path / "data")
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path / "data", "test")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_wrong_split_and_missing_picture(tmp_path):
    with pytest.raises(DataError, match="use 'train' or 'test'"):
        load(tmp_path, "validation")
    with pytest.raises(DataError, match="absent"):
        read_picture(tmp_path / "absent.png")


def test_synthetic_pictures_are_smooth_and_repeatable():
    images = random_pictures(4, 3, 64)
    assert images.shape == (3, 64, 64, 3) and images.dtype == np.uint8
    assert np.array_equal(images, random_pictures(4, 3, 64))
    assert not np.array_equal(images, random_pictures(5, 3, 64))
    values = images.astype(float)
    step = np.abs(np.diff(values, axis=1)).mean()
    assert values.std() > 40 and step < values.std() / 4


def test_normalise_centres_the_mean_colour():
    mean = 255 * torch.tensor([0.485, 0.456, 0.406])
    assert normalise(mean.view(1, 1, 1, 3)).abs().max() < 1e-6
