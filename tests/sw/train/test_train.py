"""Training: learns, resumes to the step, distils, and stops with a clear line."""

import json
import math
import resource
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from sw.model import BinaryViT, CheckpointError, from_checkpoint
from sw.model.layers import TokenNorm
from sw.train import NotFiniteError, Recipe, Trainer, TrainError, evaluate
from sw.train.augment import augment, cutmix, generator_of, pad, seed_of
from sw.train.calibration import calibrate_norms
from tests.sw.train.networks import CONFIG, quiet, same


def test_learns_and_writes_everything(tmp_path, data):
    recipe = Recipe(epochs=15, batch=16, shift=1)
    trainer = Trainer(CONFIG, recipe, data, tmp_path)
    trainer.run(quiet)
    assert trainer.step == 45 and evaluate(trainer.model, data) > 0.9
    read = from_checkpoint(tmp_path / "model.safetensors", CONFIG.heads, CONFIG.reduction)
    assert same(read, trainer.model) and read.config == CONFIG
    log = json.loads((tmp_path / "log.json").read_text())
    assert log["recipe"]["batch"] == 16 and log["curve"][0]["step"] == 1


EVERYTHING = {"cutmix": 0.5, "average": 0.9, "noise": 0.1, "real": 0.5, "fresh_stem": True}


@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("stops", [(5,), (6, 1, 2)], ids=str)
def test_resume_gives_identical_weights(tmp_path, data, options, stops):
    recipe = Recipe(epochs=4, batch=16, shift=1, **options)
    soft = torch.randn(2, len(data), 2, generator=torch.Generator().manual_seed(0))
    whole = Trainer(CONFIG, recipe, data, tmp_path / "whole", soft)
    whole.run(quiet)
    for steps in stops:
        Trainer(CONFIG, recipe, data, tmp_path / "parts", soft).run(quiet, steps=steps)
    assert not (tmp_path / "parts" / "model.safetensors").exists()
    rest = Trainer(CONFIG, recipe, data, tmp_path / "parts", soft)
    assert rest.step == sum(stops)
    rest.run(quiet)
    assert rest.step == whole.step == 12 and same(whole.model, rest.model)
    files = [tmp_path / run / "model.safetensors" for run in ("whole", "parts")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_another_seed_gives_other_weights(tmp_path, data):
    recipes = [Recipe(batch=16, shift=1, seed=seed) for seed in (0, 1)]
    runs = [Trainer(CONFIG, recipe, data, tmp_path / str(recipe.seed)) for recipe in recipes]
    for run in runs:
        run.run(quiet, steps=2)
    assert not same(runs[0].model, runs[1].model)


def test_real_numbers_first_then_binary(tmp_path, data):
    recipe = Recipe(epochs=4, batch=16, shift=1, real=0.5, fresh_stem=True)
    trainer = Trainer(CONFIG, recipe, data, tmp_path)
    trainer.run(quiet, steps=6)
    assert trainer.real and trainer.model.real
    stem = trainer.model.vit.embeddings.patch_embeddings.projection.weight.clone()
    kept = trainer.model.classifier.weight.clone()
    trainer._binarise()
    assert not trainer.model.real and torch.equal(trainer.model.classifier.weight, kept)
    now = trainer.model.vit.embeddings.patch_embeddings.projection.weight
    assert not torch.equal(now, stem) and trainer.optimizer.state == {}
    assert recipe.rate_at(0.499) < recipe.rate / 100 < recipe.rate / 2 < recipe.rate_at(0.52)


def test_a_moving_average_is_what_is_kept(tmp_path, data):
    trainer = Trainer(CONFIG, Recipe(epochs=2, batch=16, shift=1, average=0.99), data, tmp_path)
    start = trainer.model.classifier.weight.detach().clone()
    trainer.run(quiet, steps=6)
    path = trainer.model.classifier.weight.detach()
    assert 0 < float((path - start).abs().mean()) < 6 * 0.01 * 6 * 2e-3


def test_starts_from_another_run(tmp_path, data):
    first = Trainer(CONFIG, Recipe(epochs=1, batch=16, shift=1), data, tmp_path / "a")
    first.run(quiet)
    init = tmp_path / "a" / "model.safetensors"
    second = Trainer(CONFIG, Recipe(batch=16, shift=1), data, tmp_path / "b", init=init)
    assert same(first.model, second.model)
    fresh = Recipe(batch=16, shift=1, fresh_stem=True, seed=3)
    third = Trainer(CONFIG, fresh, data, tmp_path / "c", init=init)
    differ = [
        name
        for name, value in first.model.state_dict().items()
        if not torch.equal(value, third.model.state_dict()[name])
    ]
    assert differ == [
        f"vit.embeddings.patch_embeddings.projection.{part}" for part in ("weight", "bias")
    ]
    other = CONFIG.with_(channels=(8, 32), hidden=(16, 32))
    with pytest.raises(CheckpointError, match=r"a/model\.safetensors: of another architecture"):
        Trainer(other, Recipe(batch=16, shift=1), data, tmp_path / "d", init=init)


def test_resume_refuses_another_run_and_damage(tmp_path, data):
    recipe = Recipe(batch=16)
    Trainer(CONFIG, recipe, data, tmp_path).run(quiet, steps=1)
    with pytest.raises(
        TrainError, match=r"another config: depths was \(1, 1\), now it is \(1, 2\)"
    ):
        Trainer(CONFIG.with_(depths=(1, 2)), recipe, data, tmp_path)
    with pytest.raises(TrainError, match=r"another recipe: hard was 0\.1, now it is 0\.5"):
        Trainer(CONFIG, Recipe(batch=16, hard=0.5), data, tmp_path)
    with pytest.raises(TrainError, match="another pictures: pictures was 48, now it is 40"):
        Trainer(CONFIG, recipe, data.take(slice(40)), tmp_path)
    assert Trainer(CONFIG, Recipe(batch=16, rate=1e-4), data, tmp_path).step == 1
    (tmp_path / "state.pt").write_bytes(b"damage")
    with pytest.raises(TrainError, match=r"state\.pt: not a training state"):
        Trainer(CONFIG, recipe, data, tmp_path)


def test_stops_when_the_loss_is_no_number_and_keeps_the_last_good_state(tmp_path, data):
    trainer = Trainer(CONFIG, Recipe(batch=16), data, tmp_path)
    trainer.run(quiet, steps=3)
    good = (tmp_path / "state.pt").read_bytes()
    trainer.model.classifier.bias.data[0] = math.nan
    with pytest.raises(NotFiniteError, match="loss is nan at step 3; the last good state is kept"):
        trainer.run(quiet)
    assert (tmp_path / "state.pt").read_bytes() == good
    with torch.no_grad():
        trainer = Trainer(CONFIG, Recipe(batch=16), data, tmp_path)
        trainer.model.classifier.bias[0] = math.inf
    with pytest.raises(NotFiniteError, match="weights are no numbers behind step 2"):
        trainer.save()
    assert (tmp_path / "state.pt").read_bytes() == good
    assert Trainer(CONFIG, Recipe(batch=16, rate=1e-4), data, tmp_path).step == 3


@contextmanager
def small_disk(limit):
    """Files end at ``limit`` bytes: writing more fails as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_nothing(tmp_path, data):
    trainer = Trainer(CONFIG, Recipe(batch=16), data, tmp_path)
    trainer.run(quiet, steps=2)
    good = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with small_disk(50_000), pytest.raises(OSError, match=r"state\.pt: cannot be written"):
        trainer.run(quiet, steps=2)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == good
    trainer.save()
    assert Trainer(CONFIG, Recipe(batch=16), data, tmp_path).step == 4


def test_a_time_budget_ends_the_run(tmp_path, data):
    trainer = Trainer(CONFIG, Recipe(minutes=1 / 600, batch=16), data, tmp_path)
    trainer.run(quiet)
    assert trainer.done >= 1 and (tmp_path / "model.safetensors").exists()


def test_rate_warms_up_and_falls_to_zero():
    recipe = Recipe(rate=1.0, warmup=0.1)
    assert recipe.rate_at(0) < 0.01 and recipe.rate_at(0.1) > 0.9
    assert recipe.rate_at(0.5) == pytest.approx(0.5) and recipe.rate_at(1) == pytest.approx(0)
    rates = [recipe.rate_at(i / 50) for i in range(5, 51)]
    assert rates == sorted(rates, reverse=True)


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


def test_cutmix_takes_a_box_from_the_next_picture():
    pixels = torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).repeat(1, 8, 8, 3)
    shares = []
    for step in range(50):
        mixed = pixels.clone()
        own = cutmix(mixed, 0.5, generator_of(torch.device("cpu"), 0, step))
        foreign = (mixed != pixels).all(-1).flatten(1).float().mean(1)
        assert torch.allclose(foreign, torch.full((3,), 1 - own))
        assert set(mixed[0].unique().tolist()) <= {0, 2}
        shares.append(own)
    assert 10 < sum(own == 1 for own in shares) < 45 and min(shares) < 0.5


def test_seeds_of_neighbours_are_far_apart():
    seeds = {seed_of(a, b, c) for a in range(4) for b in range(20) for c in range(-2, 4)}
    assert len(seeds) == 480 and all(0 <= seed < 1 << 63 for seed in seeds)


@pytest.mark.parametrize("field", ["epochs", "batch", "rate", "temperature", "minutes"])
def test_recipe_errors(field):
    with pytest.raises(TrainError, match=f"{field}=-1 must be positive"):
        Recipe(**{field: -1})
    with pytest.raises(TrainError, match=r"hard=1\.5 must lie in 0\.\.1"):
        Recipe(hard=1.5)
    with pytest.raises(TrainError, match=r"real=1 must lie in 0\.\.1, without 1"):
        Recipe(real=1)


def test_norms_are_calibrated_on_every_class_of_a_sorted_folder(data):
    order = np.argsort(data.labels, kind="stable")
    dark_first = data.take(order)
    model = BinaryViT(CONFIG)
    norm = next(part for part in model.modules() if isinstance(part, TokenNorm))

    def mean(pictures, count):
        calibrate_norms(model, pictures, count, batch=8)
        return norm.running_mean.clone()

    everything, half = mean(dark_first, 48), mean(dark_first, 24)
    dark = mean(dark_first.take(slice(24)), 24)
    assert ((half - everything).abs() < 0.5 * (dark - everything).abs()).all()
