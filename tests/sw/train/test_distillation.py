"""Distillation: kept logits, a teacher that looks at every augmented picture, and their loss."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from sw.data import normalise
from sw.model.teacher import CifarResNet, logits_of
from sw.train import Recipe, Trainer, TrainError
from sw.train.augment import cutmix
from sw.train.distillation import ConsistentTeacher, loss, teacher_logits
from sw.train.place import Place
from tests.sw.train.networks import CONFIG, quiet, same, write_teacher


def test_distillation_loss_mixes_labels_and_teacher():
    logits, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    to_label = math.log(1 + math.exp(-1))
    soft = torch.tensor([[0.0, 0.0]])
    to_teacher = 0.5 * to_label + 0.5 * (to_label + 1)
    got = loss(logits, labels, soft, hard=0.25, temperature=2.0)
    assert float(got) == pytest.approx(0.25 * to_label + 0.75 * to_teacher)
    assert float(loss(logits, labels, None, 0.25, 2.0)) == pytest.approx(to_label)


def test_teacher_logits_are_kept(tmp_path, data):
    write_teacher(tmp_path / "teacher.npz", 2)
    lines = []
    first = teacher_logits(tmp_path / "teacher.npz", data, tmp_path, lines.append)
    again = teacher_logits(tmp_path / "teacher.npz", data, tmp_path, lines.append)
    assert torch.equal(first, again) and first.shape == (2, 48, 2) and len(lines) == 1
    (kept,) = tmp_path.glob("teacher_*.npy")
    kept.write_bytes(b"damage")
    again = teacher_logits(tmp_path / "teacher.npz", data, tmp_path, lines.append)
    assert torch.equal(first, again) and len(lines) == 2


def test_a_teacher_that_does_not_match_is_refused(tmp_path, data):
    write_teacher(tmp_path / "wrong.npz", 10)
    with pytest.raises(TrainError, match="10 classes, the data has 2; give a teacher"):
        teacher_logits(tmp_path / "wrong.npz", data, tmp_path)
    with pytest.raises(TrainError, match="10 classes, the data has 2; give a teacher"):
        ConsistentTeacher(tmp_path / "wrong.npz", data, Place())
    broken = {n: v.numpy() for n, v in CifarResNet(1, 2).state_dict().items() if "num_b" not in n}
    broken["linear.bias"] = np.full(2, np.nan, np.float32)
    np.savez(tmp_path / "broken.npz", **broken)
    with pytest.raises(TrainError, match="gives logits that are no numbers"):
        teacher_logits(tmp_path / "broken.npz", data, tmp_path, quiet)
    with pytest.raises(TrainError, match="gives logits that are no numbers"):
        ConsistentTeacher(tmp_path / "broken.npz", data, Place())


class Watched(ConsistentTeacher):
    """A consistent teacher that remembers what it looked at."""

    def __init__(self, path: Path, data):
        self.seen = []
        super().__init__(path, data, Place())
        self.seen.clear()

    def __call__(self, pixels):
        self.seen.append(pixels.clone())
        return super().__call__(pixels)


def test_a_consistent_teacher_sees_what_the_model_sees(tmp_path, data):
    write_teacher(tmp_path / "teacher.npz", 2)
    watched = Watched(tmp_path / "teacher.npz", data)
    with torch.no_grad():
        watched._model.linear.weight *= 100  # of one opinion on each picture
    recipe = Recipe(batch=16, shift=1, cutmix=1.0, consistent=True, warmup=0.0)
    trainer = Trainer(CONFIG, recipe, data, tmp_path, teacher=watched)
    pixels, labels, soft = trainer.batches.batch(0)
    assert soft is None
    crops = pixels.clone()
    own = cutmix(pixels, 1.0, trainer.batches.box_generator(0))
    assert 0 < own < 1 and not torch.equal(crops, pixels)
    with trainer.place.autocast():
        logits = trainer.model(normalise(pixels)).float()
    targets = ConsistentTeacher.__call__(watched, pixels)
    assert not torch.allclose(targets, ConsistentTeacher.__call__(watched, crops), atol=1e-3)
    wanted = sum(
        share * loss(logits, its, targets, recipe.hard, recipe.temperature)
        for share, its in ((own, labels), (1 - own, labels.roll(1)))
    )
    trainer._step()
    assert len(watched.seen) == 1 and torch.equal(watched.seen[0], pixels)
    assert float(trainer._pending[0][0]) == pytest.approx(wanted.item(), rel=1e-4)


def test_a_consistent_teacher_is_the_same_network(tmp_path, data):
    write_teacher(tmp_path / "teacher.npz", 2)
    teacher = ConsistentTeacher(tmp_path / "teacher.npz", data, Place())
    got = teacher(torch.from_numpy(data.images))
    with Place().autocast():
        wanted = logits_of(teacher._model, data.images)
    assert not got.requires_grad and got.dtype == torch.float32
    assert torch.allclose(got, wanted, atol=0.02)


def test_a_consistent_run_resumes_to_identical_weights(tmp_path, data):
    write_teacher(tmp_path / "teacher.npz", 2)
    teacher = ConsistentTeacher(tmp_path / "teacher.npz", data, Place())
    recipe = Recipe(epochs=2, batch=16, shift=1, cutmix=0.5, consistent=True)
    whole = Trainer(CONFIG, recipe, data, tmp_path / "whole", teacher=teacher)
    whole.run(quiet)
    Trainer(CONFIG, recipe, data, tmp_path / "parts", teacher=teacher).run(quiet, steps=4)
    rest = Trainer(CONFIG, recipe, data, tmp_path / "parts", teacher=teacher)
    rest.run(quiet)
    assert rest.step == whole.step == 6 and same(whole.model, rest.model)


def test_consistent_needs_a_teacher(tmp_path, data):
    with pytest.raises(TrainError, match="consistent=True needs a teacher"):
        Trainer(CONFIG, Recipe(batch=16, consistent=True), data, tmp_path)
