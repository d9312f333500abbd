"""Training: learns, resumes to the step, distils, and stops with a clear line."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from sw.data import Dataset
from sw.model import ModelConfig, from_checkpoint
from sw.model.teacher import CifarResNet
from sw.train import Recipe, Trainer, TrainError, evaluate
from sw.train.__main__ import main
from sw.train.distillation import loss, teacher_logits
from sw.train.recipe import augment, pad

CONFIG = ModelConfig(
    image=8, patch=2, channels=(8, 16), depths=(1, 1), reduction=(2, 1), heads=(1, 2),
    hidden=(16, 16), classes=2,
)  # fmt: skip


def quiet(line):
    pass


@pytest.fixture
def data():
    """Dark and bright pictures: two classes that anything learns."""
    random = np.random.default_rng(0)
    labels = np.arange(48) % 2
    images = random.integers(0, 100, (48, 8, 8, 3)) + 150 * labels[:, None, None, None]
    return Dataset(images.astype(np.uint8), labels.astype(np.int64), ("dark", "bright"))


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


def test_learns_and_writes_everything(tmp_path, data):
    recipe = Recipe(epochs=15, batch=16, shift=1)
    trainer = Trainer(CONFIG, recipe, data, tmp_path)
    trainer.run(quiet)
    assert trainer.step == 45 and evaluate(trainer.model, data) > 0.9
    read = from_checkpoint(tmp_path / "model.safetensors", CONFIG.heads, CONFIG.reduction)
    assert same(read, trainer.model) and read.config == CONFIG
    log = json.loads((tmp_path / "log.json").read_text())
    assert log["recipe"]["batch"] == 16 and log["curve"][0]["step"] == 1


def test_resume_gives_identical_weights(tmp_path, data):
    recipe = Recipe(epochs=4, batch=16, shift=1)
    soft = torch.randn(2, len(data), 2)
    whole = Trainer(CONFIG, recipe, data, tmp_path / "whole", soft)
    whole.run(quiet)
    Trainer(CONFIG, recipe, data, tmp_path / "parts", soft).run(quiet, steps=5)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    rest = Trainer(CONFIG, recipe, data, tmp_path / "parts", soft)
    assert rest.step == 5
    rest.run(quiet)
    assert rest.step == whole.step == 12 and same(whole.model, rest.model)


def test_resume_refuses_another_model_and_damage(tmp_path, data):
    Trainer(CONFIG, Recipe(batch=16), data, tmp_path).run(quiet, steps=1)
    with pytest.raises(TrainError, match="another model"):
        Trainer(CONFIG.with_(depths=(1, 2)), Recipe(batch=16), data, tmp_path)
    (tmp_path / "state.pt").write_bytes(b"damage")
    with pytest.raises(TrainError, match=r"state\.pt: not a training state"):
        Trainer(CONFIG, Recipe(batch=16), data, tmp_path)


def test_stops_when_the_loss_is_no_number(tmp_path, data):
    trainer = Trainer(CONFIG, Recipe(batch=16), data, tmp_path)
    trainer.model.classifier.bias.data[0] = math.nan
    with pytest.raises(TrainError, match="loss is nan at step 0; lower the learning rate"):
        trainer.run(quiet)


def test_a_time_budget_ends_the_run(tmp_path, data):
    trainer = Trainer(CONFIG, Recipe(minutes=1 / 600, batch=16), data, tmp_path)
    trainer.run(quiet)
    assert trainer.done >= 1 and (tmp_path / "model.safetensors").exists()


def test_rate_warms_up_and_falls_to_zero():
    recipe = Recipe(rate=1.0, warmup=0.1)
    assert recipe.rate_at(0) < 0.01 and recipe.rate_at(0.1) > 0.9
    assert recipe.rate_at(0.5) == pytest.approx(0.5) and recipe.rate_at(1) == pytest.approx(0)


def test_augmentation_shifts_and_mirrors():
    images = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3)
    recipe, generator = Recipe(shift=1), torch.Generator().manual_seed(0)
    padded, seen = pad(images, 1), set()
    for _ in range(200):
        crops, mirrored = augment(padded, torch.tensor([1]), recipe, generator)
        crop = crops[0].flip(1) if mirrored[0] else crops[0]
        places = [
            (y, x)
            for y in range(3)
            for x in range(3)
            if torch.equal(crop, padded[1, y : y + 4, x : x + 4])
        ]
        assert len(places) == 1
        seen.add((*places[0], bool(mirrored[0])))
    assert len(seen) == 18


def test_distillation_loss_mixes_labels_and_teacher():
    logits, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    to_label = math.log(1 + math.exp(-1))
    soft = torch.tensor([[0.0, 0.0]])
    to_teacher = 0.5 * to_label + 0.5 * (to_label + 1)
    got = loss(logits, labels, soft, hard=0.25, temperature=2.0)
    assert float(got) == pytest.approx(0.25 * to_label + 0.75 * to_teacher)
    assert float(loss(logits, labels, None, 0.25, 2.0)) == pytest.approx(to_label)


def write_teacher(path, classes):
    model = CifarResNet(1, classes)
    np.savez(path, **{n: v.numpy() for n, v in model.state_dict().items() if "num_b" not in n})


def test_teacher_logits_are_kept(tmp_path, data):
    write_teacher(tmp_path / "teacher.npz", 2)
    lines = []
    first = teacher_logits(tmp_path / "teacher.npz", data, tmp_path, lines.append)
    again = teacher_logits(tmp_path / "teacher.npz", data, tmp_path, lines.append)
    assert torch.equal(first, again) and first.shape == (2, 48, 2) and len(lines) == 1
    write_teacher(tmp_path / "wrong.npz", 10)
    with pytest.raises(TrainError, match="10 classes, the data has 2"):
        teacher_logits(tmp_path / "wrong.npz", data, tmp_path)


def test_command_line(tmp_path, data, capsys):
    for split in ("train", "test"):
        for name, label in (("dark", 0), ("bright", 1)):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for i, image in enumerate(data.images[data.labels == label]):
                Image.fromarray(image).save(tmp_path / "data" / split / name / f"{i}.png")
    options = f"--data {tmp_path / 'data'} --out {tmp_path / 'out'} --image 8 --patch 2 --epochs 2"
    sizes = "--channels 8 16 --depths 1 1 --reduction 2 1 --heads 1 2 --hidden 16 16 --batch 8"
    assert main(f"{options} {sizes} --held-out 16".split()) == 0
    output = capsys.readouterr().out
    assert "test accuracy of the last weights" in output and "held-out" in output
    assert main(["--data", str(tmp_path / "absent")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'absent'}: not a folder\n"


@pytest.mark.parametrize("field", ["epochs", "batch", "rate", "temperature", "minutes"])
def test_recipe_errors(field):
    with pytest.raises(TrainError, match=f"{field}=-1 must be positive"):
        Recipe(**{field: -1})
    with pytest.raises(TrainError, match=r"hard=1\.5 must lie in 0\.\.1"):
        Recipe(hard=1.5)
