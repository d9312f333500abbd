"""``python -m sw.train``: recipes, options, several processes, and one line for bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sw.model import saved_config
from sw.train import RECIPES
from sw.train.__main__ import main
from sw.train.options import chosen, parse
from tests.sw.train.networks import write_teacher

ROOT = Path(__file__).resolve().parents[3]
SIZES = (
    "--image 8 --patch 2 --classes 2 --channels 8 16 --depths 1 1 --reduction 2 1 --heads 1 2"
    " --hidden 16 16 --batch 8 --shift 1"
)


def write_data(folder, classes=("bright", "dark"), count=12):
    """Classes of evenly lit pictures, from bright to dark."""
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for number, name in enumerate(classes):
            (folder / split / name).mkdir(parents=True)
            light = 150 * (len(classes) - 1 - number) // max(1, len(classes) - 1)
            for i in range(count):
                pixels = (random.integers(0, 100, (8, 8, 3)) + light).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{i}.png")


@pytest.fixture
def folder(tmp_path):
    write_data(tmp_path / "data")
    return tmp_path


def train(folder, *options):
    command = f"--data {folder / 'data'} --out {folder / 'out'} {SIZES}".split()
    return main([*command, *map(str, options)])


def refused(capsys, folder, *options, status=2):
    """The one line on stderr."""
    assert train(folder, *options) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train: ")
    return line


def test_a_run_leaves_weights_curve_and_log(folder, capsys):
    write_teacher(folder / "teacher.npz", 2)
    options = ["--epochs", 4, "--held-out", 8, "--teacher", folder / "teacher.npz"]
    assert train(folder, *options, "--steps", 3) == 0
    assert not (folder / "out" / "model.safetensors").exists()
    assert train(folder, *options) == 0
    output = capsys.readouterr().out
    assert "the limit is" in output and "held-out training pictures" in output
    log = json.loads((folder / "out" / "log.json").read_text())
    assert log["done"] == 1 and log["step"] == 8 and log["pictures"] == 16
    assert log["speed"]["pictures_per_second"] > 0 and log["result"]["teacher"] == "teacher.npz"
    assert log["result"]["test_pictures"] == 24 and 0 <= log["result"]["test"] <= 1
    assert saved_config(folder / "out" / "model.safetensors").channels == (8, 16)
    with Image.open(folder / "out" / "curve.png") as picture:
        assert min(picture.size) > 300


def test_torchrun_trains_in_two_processes(folder):
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master-port=0",
        "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "-m", "sw.train",
        "--data", folder / "data", "--out", folder / "out", *SIZES.split(), "--epochs", 4,
        "--real", 0.5, "--device", "cpu", "--threads", 1,
    ]  # fmt: skip
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    log = json.loads((folder / "out" / "log.json").read_text())
    assert log["step"] == 12 and log["speed"]["processes"] == 2
    assert done.stdout.count("test accuracy") == 1
    assert (folder / "out" / "model.safetensors").is_file()


def test_processes_that_share_no_folder_are_told_so(folder):
    assert train(folder, "--epochs", 4, "--device", "cpu", "--steps", 1) == 0
    code = (
        "import os, sys; from sw.train.__main__ import main\n"
        "own = '/out' if os.environ['RANK'] == '0' else '/none'\n"
        "sys.exit(main([*sys.argv[1:], '--out', sys.argv[2] + own]))"
    )
    (folder / "apart.py").write_text(code)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--rdzv-backend=c10d",
        "--rdzv-endpoint=localhost:0", folder / "apart.py", "--out", folder,
        "--data", folder / "data", *SIZES.split(), "--epochs", 4, "--device", "cpu",
        "--threads", 1,
    ]  # fmt: skip
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode != 0
    assert "out: not every process finds the same state there" in done.stderr


def test_flags_replace_what_a_recipe_says():
    plain = chosen(parse(["--recipe", "cifar10", "--data", "d", "--teacher", "t"]))
    assert plain == RECIPES["cifar10"] and plain.recipe.consistent
    options = ["--depths", "1", "1", "1", "1", "--rate", "0.5", "--no-flip"]
    changed = chosen(parse(["--recipe", "cifar10", "--data", "d", *options]))
    assert not changed.recipe.consistent  # no teacher
    assert chosen(parse(["--consistent", "--data", "d"])).recipe.consistent  # refused later
    assert changed.model == plain.model.with_(depths=(1, 1, 1, 1))
    assert changed.recipe.rate == 0.5 and not changed.recipe.flip
    assert changed.recipe.epochs == plain.recipe.epochs


def test_a_loss_that_is_no_number_ends_with_status_1(folder, capsys):
    assert train(folder, "--epochs", 4, "--steps", 2) == 0
    good = (folder / "out" / "state.pt").read_bytes()
    capsys.readouterr()
    line = refused(capsys, folder, "--epochs", 4, "--rate", "1e38", status=1)
    assert "at step" in line and "the last good state is kept" in line
    assert (folder / "out" / "state.pt").read_bytes() == good


def test_unreadable_pictures_are_named_and_skipped_when_asked(folder, capsys):
    for i in range(5):
        (folder / "data" / "train" / "dark" / f"{i}.png").write_bytes(b"no picture")
    line = refused(capsys, folder, "--epochs", 1)
    assert all(f"dark/{i}.png: unreadable picture" in line for i in range(3))
    assert "and 2 more" in line and "--skip-unreadable" in line
    assert train(folder, "--epochs", 1, "--skip-unreadable") == 0
    output = capsys.readouterr().out
    assert output.count("left out:") == 5 and "dark/4.png" in output
    assert json.loads((folder / "out" / "log.json").read_text())["pictures"] == 19


def three_classes(folder):
    write_data(folder / "data3", ("a", "b", "c"))
    return ["--data", folder / "data3"]


def empty(folder):
    (folder / "empty").mkdir()
    return ["--data", folder / "empty"]


def empty_class(folder):
    (folder / "data" / "train" / "emu").mkdir()
    return []


def no_readable(folder):
    for file in (folder / "data" / "train" / "dark").iterdir():
        file.write_bytes(b"no picture")
    return ["--skip-unreadable"]


def other_teacher(folder):
    write_teacher(folder / "teacher.npz", 10)
    return ["--teacher", folder / "teacher.npz"]


def no_teacher(folder):
    (folder / "teacher.npz").write_bytes(b"no archive")
    return ["--teacher", folder / "teacher.npz"]


def torch_teacher(folder):
    torch.save({"linear.weight": torch.zeros(2, 64)}, folder / "teacher.pt")
    return ["--teacher", folder / "teacher.pt"]


def array_teacher(folder):
    np.save(folder / "teacher.npy", np.zeros(3))
    return ["--teacher", folder / "teacher.npy"]


def other_test_classes(folder):
    (folder / "data" / "test" / "dark").rename(folder / "data" / "test" / "dusk")
    return []


def no_test_pictures(folder):
    for file in (folder / "data" / "test" / "dark").iterdir():
        file.unlink()
    return []


def mosaic(folder):
    (folder / "mosaic").mkdir()
    for split in ("train", "test"):
        Image.new("RGB", (96, 64)).save(folder / "mosaic" / f"{split}_00.png")
    labels = {"train_y": np.arange(6) % 2, "test_y": np.arange(6) % 2, "class_names": ["a", "b"]}
    np.savez(folder / "mosaic" / "labels.npz", **labels)
    return ["--data", folder / "mosaic"]


def other_reduction(folder):
    assert train(folder, "--epochs", 1, "--reduction", 4, 1, "--out", folder / "other") == 0
    return ["--init", folder / "other" / "model.safetensors"]


def without_its_teacher(folder):
    write_teacher(folder / "teacher.npz", 2)
    assert train(folder, "--steps", 1, "--teacher", folder / "teacher.npz") == 0
    return []


def other_pictures(folder):
    assert train(folder, "--steps", 1) == 0
    (folder / "data" / "train" / "dark" / "0.png").write_bytes(
        (folder / "data" / "train" / "bright" / "0.png").read_bytes()
    )
    return []


def other_checkpoint(folder):
    assert train(folder, "--epochs", 1, "--depths", 1, 2, "--out", folder / "other") == 0
    return ["--init", folder / "other" / "model.safetensors"]


def other_state(folder):
    assert train(folder, "--steps", 1, "--depths", 1, 2) == 0
    return []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: ["--data", folder / "absent"], "absent: not a folder"),
        (empty, "empty: no data set; expected"),
        (empty_class, "emu: no pictures; a class folder holds"),
        (three_classes, "3 classes (a, b, c), the model has 2; give other data or --classes 3"),
        (no_readable, "dark: none of its pictures is readable"),
        (other_teacher, "teacher.npz: 10 classes, the data has 2"),
        (no_teacher, "teacher.npz: not an .npz teacher"),
        (torch_teacher, "teacher.pt: not an .npz teacher (TypeError)"),
        (array_teacher, "teacher.npy: not an .npz teacher (TypeError)"),
        (other_test_classes, "classes are bright, dusk, those of the training pictures bright, "),
        (no_test_pictures, "dark: no pictures; a class folder holds"),
        (mosaic, "mosaic: pictures of 32x32, the model takes 8x8; give other data or another"),
        (other_reduction, "another architecture than this run: reduction is (4, 1), now it is (2,"),
        (without_its_teacher, "holds a run of another teacher: teacher was "),
        (other_pictures, "holds a run of another data: data was "),
        (other_checkpoint, "model.safetensors: of another architecture than this run: unexpected"),
        (other_state, "holds a run of another config: depths was (1, 2), now it is (1, 1)"),
        (lambda folder: ["--out", "/dev/null/run"], "Not a directory: '/dev/null/run'"),
        (lambda folder: ["--held-out", 24], "--held-out 24: there are 24 training pictures"),
        (lambda folder: ["--batch", 25], "batch=25 is larger than the 24 pictures"),
        (lambda folder: ["--rate", -1], "rate=-1.0 must be positive"),
        (lambda folder: ["--consistent"], "consistent=True needs a teacher; give one"),
        (lambda folder: ["--heads", 1, 3], "heads=[1, 3]: 3 does not divide the 16 channels"),
        (lambda folder: ["--device", "cuda"], "process 0 of this machine has no accelerator"),
        (lambda folder: ["--device", "abacus"], "--device abacus: unknown; use cpu or cuda"),
        (lambda folder: ["--recipe", "ablation"], "the ablation compares fixed architectures"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2(folder, capsys, make, words, monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    options = make(folder)
    capsys.readouterr()
    assert words in refused(capsys, folder, *options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--threads", "-1"], "--threads -1: use at least 1"),
        (["--compile", "fast"], "invalid choice: 'fast' (choose from default, reduce-overhead"),
    ],
)
def test_options_out_of_range_end_with_status_2(folder, capsys, options, words):
    with pytest.raises(SystemExit, match="2"):
        train(folder, *options)
    assert words in capsys.readouterr().err.replace("'default', 'red", "default, red")


def test_pictures_that_are_trained_on_are_no_test_pictures(folder, capsys):
    data = folder / "data" / "train"
    assert train(folder, "--epochs", 1, "--data", data) == 0
    output = capsys.readouterr().out
    assert "keeps no test pictures apart" in output and "test accuracy of" not in output
    assert "test" not in json.loads((folder / "out" / "log.json").read_text())["result"]
