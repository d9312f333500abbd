"""``python -m sw evaluate``: what the report says, for golden and for a device."""

import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hw.spec import contract_digest
from sw.cli.confusion import default_place, draw_confusion
from sw.data import CLASS_NAMES, normalise
from sw.golden import run
from sw.model import BinaryViT
from sw.model.checkpoint import save_checkpoint
from tests.sw.cli.conftest import noise
from tests.sw.driver.fake import CYCLES, expected
from tests.sw.golden.random_model import CONFIGS

FILES = ["cat/a.png", "dog/a.png", "ship/a.png", "cat/b.png", "dog/b.png", "cat/c.png"]
"""Classes take turns."""
LABELS = [CLASS_NAMES.index(file.split("/")[0]) for file in FILES]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The present folder, in which the picture lands."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def evaluated(sw, tmp_path, *arguments):
    """(result, report)."""
    path = tmp_path / "out.json"
    result = sw("evaluate", "--json", path, *arguments)
    assert result.exit_code == 0, result.output
    return result, json.loads(path.read_text())


def pixels(data, files):
    return np.stack([np.asarray(Image.open(data / file)) for file in files])


def test_every_logit_of_golden_is_in_the_report(sw, model, data, packed, tmp_path):
    _, report = evaluated(sw, tmp_path, "--data", data, "--model", model)
    logits = run(packed, torch.from_numpy(pixels(data, FILES))).numpy()
    assert [p["file"] for p in report["predictions"]] == FILES
    assert [p["label"] for p in report["predictions"]] == LABELS
    assert [p["logits"] for p in report["predictions"]] == logits.tolist()
    assert [p["predicted"] for p in report["predictions"]] == logits.argmax(1).tolist()
    assert report["images"] == 6 and report["backend"] == "golden"
    assert report["top1"] == pytest.approx(100 * np.mean(logits.argmax(1) == LABELS))
    assert report["contract"] == contract_digest() and report["model"] == str(model)
    assert report["classes"] == list(CLASS_NAMES) and report["configuration"] is None
    assert "rtl" not in report and "cycles" not in report["predictions"][0]


def test_confusion_counts_labels_against_predictions(sw, model, data, tmp_path):
    result, report = evaluated(sw, tmp_path, "--data", data, "--model", model)
    confusion = np.array(report["confusion"])
    assert confusion.sum() == 6 and confusion.sum(1)[LABELS].tolist() == [3, 2, 1, 3, 2, 3]
    for p in report["predictions"]:
        assert confusion[p["label"], p["predicted"]] > 0
    rows = {
        cells[0]: cells[1:]
        for line in result.stdout.splitlines()
        if line.startswith("│") and (cells := line.replace("│", " ").split())
    }
    assert set(rows) == {"cat", "dog", "ship"}
    cat = CLASS_NAMES.index("cat")
    assert rows["cat"][:2] == ["3", f"{100 * confusion[cat, cat] / 3:.1f}"]
    assert max(map(len, result.stdout.splitlines()[1:])) <= 80


def test_a_device_gives_cycles_and_who_it_is(sw, model, data, device, tmp_path):
    result, report = evaluated(
        sw, tmp_path, "--data", data, "--model", model, "--backend", "sim", "--config", "3x4x64-l8"
    )
    assert report["backend"] == "sim" and report["configuration"] == "3x4x64-l8"
    assert report["rtl"] == "f00d"
    assert [p["cycles"] for p in report["predictions"]] == [CYCLES + i for i in range(6)]
    assert [p["logits"] for p in report["predictions"]] == expected(pixels(data, FILES)).tolist()
    assert f"3x4x64-l8: {CYCLES + 2.5:,.0f} cycles a picture" in result.stdout
    assert "array_busy 7 (1 %)" in result.stdout
    (transport,) = device
    assert ("reset",) not in transport.log and transport.log[-1] == ("close",)


def test_a_batch_gives_a_picture_its_share_of_the_cycles(sw, model, data, device, tmp_path):
    data = ["--data", data, "--model", model, "--backend", "sim"]
    result, report = evaluated(sw, tmp_path, *data, "--batch", 2, "--limit", 5)
    assert report["batch"] == 2
    shares = [p["cycles"] for p in report["predictions"]]
    assert shares == [*2 * [CYCLES // 2], *2 * [round((CYCLES + 1) / 2)], CYCLES + 2]
    files = [p["file"] for p in report["predictions"]]
    images = pixels(data[1], files)
    assert [p["logits"] for p in report["predictions"]] == expected(images).tolist()
    assert "port beats of the last 2 pictures: " in result.stdout.replace("\n", " ")


def test_a_batch_of_none_is_refused(refused, model, data):
    line = refused("evaluate", "--data", data, "--model", model, "--batch", 0)
    assert line == "evaluate: batch=0: take at least 1 picture at a time"


def test_a_limit_takes_the_first_of_every_class(sw, model, data, tmp_path):
    _, report = evaluated(sw, tmp_path, "--data", data, "--model", model, "--limit", 4)
    assert [p["file"] for p in report["predictions"]] == FILES[:4] and report["images"] == 4


def test_a_test_folder_above_the_classes_is_used(sw, model, data, tmp_path):
    data.rename(tmp_path / "test")
    (tmp_path / "whole").mkdir()
    (tmp_path / "test").rename(tmp_path / "whole" / "test")
    _, report = evaluated(sw, tmp_path, "--data", tmp_path / "whole", "--model", model)
    assert [p["file"] for p in report["predictions"]] == FILES


@pytest.mark.parametrize("inside", [True, False])
def test_cifar_batches(sw, model, tmp_path, inside):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    batch = {b"data": noise(5, 3072), b"labels": [3, 1, 4, 1, 5]}
    (folder / "test_batch").write_bytes(pickle.dumps(batch))
    source = folder if inside else tmp_path
    _, report = evaluated(sw, tmp_path, "--data", source, "--model", model, "--limit", 4)
    assert [p["label"] for p in report["predictions"]] == [3, 1, 4, 1]
    assert [p["file"] for p in report["predictions"]] == [f"test[{i}]" for i in range(4)]


def test_mosaics_with_class_names_in_another_order(sw, model, tmp_path):
    folder = tmp_path / "mosaic"
    folder.mkdir()
    Image.fromarray(noise(32, 96, 3)).save(folder / "test_00.png")
    np.savez(folder / "labels.npz", test_y=[0, 1, 0], class_names=["truck", "cat"])
    _, report = evaluated(sw, tmp_path, "--data", folder, "--model", model)
    assert [p["label"] for p in report["predictions"]] == [9, 3, 9]


def test_a_model_without_names_takes_a_data_sets_order(sw, pyramid, tmp_path):
    from sw.compiler.pack import pack

    pack(pyramid[2].packed, tmp_path / "unnamed.bvit")
    for i, name in enumerate(CLASS_NAMES):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.fromarray(noise(16, 16, 3, seed=i)).save(tmp_path / "data" / name / "a.png")
    _, report = evaluated(
        sw, tmp_path, "--data", tmp_path / "data", "--model", tmp_path / "unnamed.bvit"
    )
    assert [p["label"] for p in report["predictions"]] == list(range(10))


def test_progress_is_lines_where_there_is_no_terminal(sw, model, data, monkeypatch):
    monkeypatch.setattr("sw.cli.evaluate.NOTE_SECONDS", 0)
    monkeypatch.setattr("sw.cli.evaluate.CALL", {"golden": 4})
    result = sw("evaluate", "--data", data, "--model", model)
    assert result.stderr.splitlines() == ["  4 of 6 pictures"]


def test_float_accuracy_stands_beside_golden(sw, pyramid, model, data, tmp_path):
    save_checkpoint(pyramid[0].float(), tmp_path / "c.safetensors")
    pyramid[0].double()
    arguments = ["--data", data, "--model", model, "--checkpoint", tmp_path / "c.safetensors"]
    result, report = evaluated(sw, tmp_path, *arguments)
    classes = pyramid[0](normalise(torch.from_numpy(pixels(data, FILES))).double()).argmax(1)
    golden = np.array([p["predicted"] for p in report["predictions"]])
    assert report["float"]["top1"] == pytest.approx(100 * np.mean(classes.numpy() == LABELS))
    assert report["float"]["agreement"] == pytest.approx(100 * np.mean(classes.numpy() == golden))
    assert f"the same class as golden on {report['float']['agreement']:.2f} %" in result.stdout


def test_a_checkpoint_of_another_architecture_is_refused(refused, model, data, tmp_path):
    config = CONFIGS["pyramid"].with_(hidden=(32, 64))
    save_checkpoint(BinaryViT(config), tmp_path / "c.safetensors")
    arguments = ["--data", data, "--model", model, "--checkpoint", tmp_path / "c.safetensors"]
    line = refused("evaluate", *arguments)
    assert "c.safetensors: hidden is (32, 64), the model's is (128, 128)" in line


def test_a_picture_of_what_is_taken_for_what(sw, model, data, tmp_path):
    for place, arguments in (
        ("build/evaluate/m.png", []),
        (tmp_path / "confusion.png", ["--picture", tmp_path / "confusion.png"]),
    ):
        result, _ = evaluated(sw, tmp_path, "--data", data, "--model", model, *arguments)
        assert result.stdout.splitlines()[-1] == f"confusion matrix: {place}"
        with Image.open(place) as picture:
            assert picture.format == "PNG" and min(picture.size) > 500
    assert [path.name for path in Path("build/evaluate").iterdir()] == ["m.png"]


def test_no_picture_where_none_is_wanted(sw, refused, model, data, tmp_path):
    arguments = ["--data", data, "--model", model, "--no-picture"]
    result, _ = evaluated(sw, tmp_path, *arguments)
    assert "confusion matrix" not in result.stdout and not Path("build").exists()
    assert "give one of them" in refused("evaluate", *arguments, "--picture", "c.png")


def test_a_picture_that_cannot_be_drawn_is_refused_first(refused, model, data, tmp_path):
    arguments = ["--data", data, "--model", model, "--picture"]
    assert "end its name in .png" in refused("evaluate", *arguments, tmp_path / "c.gif")
    assert "absent" in refused("evaluate", *arguments, tmp_path / "absent" / "c.png")


def test_without_matplotlib_only_a_picture_that_was_asked_for_fails(
    sw, refused, model, data, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    arguments = ["--data", data, "--model", model]
    result, report = evaluated(sw, tmp_path, *arguments)
    assert result.stderr == "  no picture without matplotlib; pip install matplotlib\n"
    assert report["images"] == 6 and "on golden: top-1" in result.stdout
    assert "pip install matplotlib" in refused("evaluate", *arguments, "--picture", "c.png")


def test_a_place_that_cannot_be_written_costs_the_picture_only(sw, model, data, tmp_path):
    Path("build").write_text("no folder")
    result, report = evaluated(sw, tmp_path, "--data", data, "--model", model)
    (line,) = result.stderr.splitlines()
    assert line.startswith("  build/evaluate/m.png: cannot be written (")
    assert line.endswith("; or choose another --picture")
    assert report["images"] == 6 and "on golden: top-1" in result.stdout
    full = tmp_path / "full.png"
    full.symlink_to("/dev/full")
    (tmp_path / "out.json").unlink()
    arguments = ["--json", tmp_path / "out.json", "--picture", full]
    result = sw("evaluate", "--data", data, "--model", model, *arguments)
    assert result.exit_code == 2 and "full.png: cannot be written (No space" in result.stderr
    assert json.loads((tmp_path / "out.json").read_text())["images"] == 6


def test_a_class_name_is_no_formula(tmp_path):
    draw_confusion(np.eye(2, dtype=int), (r"$\x$", "b_$"), tmp_path / "c.png", r"$\y$")
    assert default_place("random:cifar10") == Path("build/evaluate/random-cifar10.png")


def test_unreadable_pictures_are_named_and_left_out_when_asked(sw, refused, model, data, tmp_path):
    (data / "cat" / "b.png").write_bytes(b"no picture")
    arguments = ["--data", data, "--model", model]
    assert "cat/b.png: unreadable picture" in refused("evaluate", *arguments)
    result, report = evaluated(sw, tmp_path, *arguments, "--skip-unreadable")
    assert [p["file"] for p in report["predictions"]] == [f for f in FILES if f != "cat/b.png"]
    assert "left out: " in result.stderr and "cat/b.png" in result.stderr


def test_a_full_disk_costs_the_file_and_not_the_result(sw, model, data):
    result = sw("evaluate", "--data", data, "--model", model, "--json", "/dev/full")
    assert result.exit_code == 2 and "on golden: top-1" in result.stdout
    assert "/dev/full: cannot be written (No space left on device)" in result.stderr
