"""The ablation: every row trained, packed and measured once; goes on where it stopped."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from sw.capability.reach import binaryvit_walk, reach
from sw.driver import Accelerator
from sw.model import ModelConfig
from sw.train import ablation, measure
from sw.train.__main__ import main
from tests.sw.train.test_command_line import write_data

_DEIT = ModelConfig(
    image=8, patch=2, channels=(32,), depths=(1,), reduction=(1,), heads=(1,), hidden=(32,),
    classes=2, class_token=True, pooled_branches=False, layer_scale=False, stem_norm=False,
)  # fmt: skip
ROWS = {"binary DeiT": _DEIT, "+ mean pooling": _DEIT.with_(class_token=False)}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command on two tiny rows, two seeds each, two steps a run."""
    write_data(tmp_path / "data")
    monkeypatch.setattr(ablation, "ROWS", ROWS)
    command = f"--recipe ablation --data {tmp_path / 'data'} --out {tmp_path / 'out'}"
    command += " --epochs 1 --batch 12 --shift 1 --device cpu --no-check-rtl"
    return lambda *more: main([*command.split(), *map(str, more)])


def test_a_table_of_every_row_and_seed(run, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("--steps", 1) == 0 and not (out / "table.json").exists()
    assert not (out / "1-seed0" / "result.json").exists()
    assert run() == 0
    table = json.loads((out / "table.json").read_text())
    assert [row["row"] for row in table["rows"]] == list(ROWS)
    for row, config in zip(table["rows"], ROWS.values(), strict=True):
        assert len(row["golden"]) == len(row["float"]) == 2 and row["pictures"] == 24
        assert row["mean"] == pytest.approx(np.mean(row["golden"]))
        assert row["deviation"] == pytest.approx(np.std(row["golden"], ddof=1))
        assert row["r"] == reach(binaryvit_walk(config))[-1]
        assert row["macs"] == ablation.macs(config) and row["bound_cycles"] > 0
        assert row["cycles"] is None and row["checked"] == 0
    assert "+ mean pooling" in (out / "table.txt").read_text()
    with Image.open(out / "table.png") as picture:
        assert min(picture.size) > 300

    before = {path: path.stat().st_mtime_ns for path in out.rglob("model.safetensors")}
    (out / "2-seed1" / "result.json").unlink()
    capsys.readouterr()
    assert run() == 0  # nothing is trained again; what is missing is measured
    assert len(before) == 4 and json.loads((out / "table.json").read_text()) == table
    untouched = [path for path, time in before.items() if path.stat().st_mtime_ns == time]
    assert len(untouched) == 3


@pytest.fixture
def gateware(monkeypatch):
    """A device in place of the simulator, which adds ``error`` to one logit."""
    device = SimpleNamespace(error=0)

    class Fake:
        cycles = [1000] * measure.CHECKED

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def load(self, packed):
            self.packed = packed

        def run(self, images):
            import torch

            logits = measure.run(self.packed, torch.from_numpy(images)).numpy()
            logits[3, 1] += device.error
            return logits

    monkeypatch.setattr(Accelerator, "open", lambda *_, **__: Fake())
    return device


def test_every_row_is_checked_when_asked(run, gateware, tmp_path, capsys):
    assert run("--seeds", 1, "--check-rtl") == 0
    rows = json.loads((tmp_path / "out" / "table.json").read_text())["rows"]
    assert [row["checked"] for row in rows] == [measure.CHECKED] * 2
    assert [row["cycles"] for row in rows] == [1000] * 2
    assert "gateware equals golden: 20 logits of 10 pictures" in capsys.readouterr().out


def test_gateware_that_differs_ends_the_run(run, gateware, tmp_path, capsys):
    gateware.error = 1
    assert run("--seeds", 1, "--check-rtl") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train: test picture 3: the gateware gives [")
    assert not (tmp_path / "out" / "1-seed0" / "result.json").exists()


def test_no_seeds_are_refused(run, capsys):
    assert run("--seeds", 0) == 2
    assert capsys.readouterr().err == "train: --seeds 0: run every row at least once\n"


def test_an_unknown_accelerator_is_refused_before_a_row_is_trained(run, tmp_path, capsys):
    assert run("--config", "9x9") == 2
    assert "configuration '9x9' is unknown" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


def test_pictures_that_are_trained_on_measure_no_row(run, tmp_path, capsys):
    data = tmp_path / "data" / "train"
    assert run("--data", data) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"train: {data}: keeps no test pictures apart")
    assert "train/ and test/" in line
    assert not list((tmp_path / "out").iterdir())
