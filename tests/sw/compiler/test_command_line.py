"""``python -m sw.compiler``: tables and packed images, one line and status 2 for bad input."""

import pickle

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from hw.spec import CONFIGURATIONS, find_configuration
from sim.run_block import DEFAULT_CONFIGURATION as SIMULATED
from sw.compiler.__main__ import DEFAULT_CONFIGURATION, app
from sw.compiler.bound import block_bound, layer_bounds
from sw.compiler.errors import CompileError
from sw.compiler.pack import pack, read_packed
from sw.compiler.pictures import calibration_pictures
from sw.compiler.schedule import schedule_block
from sw.compiler.schedule.image import block_image
from sw.data import CLASS_NAMES, DataError
from sw.model.checkpoint import save_checkpoint

SIZES = ["--heads", "1,2", "--reduction", "4,1"]
"""What the pyramid's checkpoint does not hold."""


@pytest.fixture
def checkpoint(pyramid, tmp_path):
    path = tmp_path / "pyramid.safetensors"
    save_checkpoint(pyramid[0].float(), path)
    pyramid[0].double()
    return path


@pytest.fixture
def image(pyramid, tmp_path):
    path = tmp_path / "m.bvit"
    pack(pyramid[2].packed, path)
    return path


def compiler(*arguments):
    """The command line in this process, 80 columns wide."""
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "80"})


def refused(result):
    """The one line of an error, or a failure."""
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    return line


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


# -- packed images ---------------------------------------------------------------------------------


def test_shows_a_packed_image(image):
    for arguments in ([], ["--show", "pack"]):
        result = compiler(image, *arguments)
        assert result.exit_code == 0 and "stage2.block1" in result.output


def test_shows_the_schedule_of_a_packed_image(image):
    result = compiler(
        image, "--show", "schedule", "--stage", 2, "--block", 1, "--config", "3x4x64-l8"
    )
    assert result.exit_code == 0, result.output
    program = schedule_block(block_image(read_packed(image), 2, 1), find_configuration("3x4x64-l8"))
    lines = result.output.splitlines()
    assert lines[0].strip() == "stage2.block1 on 3x4x64-l8"
    rows = [line.split() for line in lines]
    shown = [(row[1], row[2]) for row in rows if len(row) > 5 and row[0].isdigit()]
    assert shown == [(o.opcode.name, o.layer) for o in program.operations]
    assert f"{block_bound(layer_bounds(program)):,}" in result.output
    assert all(f"{used:,}" in result.output for used, _ in program.usage.values())
    assert max(map(len, lines)) <= 80


def test_the_default_configuration_is_the_simulations():
    assert DEFAULT_CONFIGURATION == SIMULATED in CONFIGURATIONS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--show", "schedule", "--stage", 3], ["stage3.block0", "stage1.block0, stage2.block0"]),
        (["--show", "schedule", "--stage", -1], ["stage-1.block0", "stage2.block1"]),
        (["--show", "schedule", "--block", 7], ["stage1.block7", "stage1.block0"]),
        (["--show", "schedule", "--config", "9x9"], ["'9x9'", *CONFIGURATIONS]),
        (["--show", "fold"], ["fold", "pack or schedule"]),
    ],
)
def test_bad_options_of_a_packed_image(image, arguments, words):
    line = refused(compiler(image, *arguments))
    assert all(word in line for word in words), line


@pytest.mark.parametrize("content", [None, b"", b"no model"])
@pytest.mark.parametrize("suffix", ["bvit", "safetensors", "pt"])
def test_bad_files_end_with_status_2(tmp_path, content, suffix):
    path = tmp_path / f"m.{suffix}"
    if content is not None:
        path.write_bytes(content)
    assert str(path) in refused(compiler(path, *SIZES))


# -- checkpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("load", "norm before"),
        ("fold", "residual gain"),
        ("quantise", "scale group"),
        ("schedule", "stage1.block0 on 4x8x64-l16"),
    ],
)
def test_shows_a_stage_of_a_checkpoint_and_writes_nothing(checkpoint, stage, words):
    result = compiler(checkpoint, *SIZES, "--show", stage)
    assert result.exit_code == 0 and words in result.output, result.output
    assert not checkpoint.with_suffix(".bvit").exists()


def test_compiles_with_a_data_sets_pictures_and_class_names(checkpoint, tmp_path):
    for name in CLASS_NAMES:
        (tmp_path / "data" / "train" / name).mkdir(parents=True)
        Image.fromarray(noise(20, 24, 3)).save(tmp_path / "data" / "train" / name / "0.png")
    output = tmp_path / "out.bvit"
    result = compiler(checkpoint, *SIZES, "--calibration", tmp_path / "data", "--output", output)
    assert result.exit_code == 0 and f"wrote {output}" in result.output, result.output
    assert read_packed(output).classes == tuple(sorted(CLASS_NAMES))


def test_class_names_of_another_number_of_classes_are_left_out(checkpoint, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.fromarray(noise(16, 16, 3)).save(tmp_path / "data" / name / "0.png")
    result = compiler(checkpoint, *SIZES, "--calibration", tmp_path / "data")
    assert result.exit_code == 0 and "has 2 classes" in result.stderr
    assert read_packed(checkpoint.with_suffix(".bvit")).classes[:2] == ("0", "1")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--heads"),
        (["--heads", "1,2"], "--reduction"),
        (["--heads", "1,two", "--reduction", "4,1"], "--heads '1,two'"),
        (["--heads", "1,2,4", "--reduction", "4,1"], "3 entries"),
        ([*SIZES, "--depths", "1"], "depths"),
        ([*SIZES, "--calibration", "/nowhere"], "/nowhere: no such folder"),
        ([*SIZES, "--output", "/nowhere/m.bvit"], "/nowhere is no folder"),
        ([*SIZES, "--output", "/"], "cannot be written"),
        ([*SIZES, "--show", "schedule", "--config", "1x1"], "'1x1' is unknown"),
    ],
)
def test_bad_options_of_a_checkpoint(checkpoint, arguments, words):
    assert words in refused(compiler(checkpoint, *arguments))


# -- calibration pictures --------------------------------------------------------------------------


def test_noise_without_a_source():
    pictures, names = calibration_pictures(None, 16, 3)
    assert pictures.shape == (3, 16, 16, 3) and not names


def test_a_folder_of_pictures_of_any_size(tmp_path):
    for i in range(5):
        Image.fromarray(noise(16 + i, 20, 3)).save(tmp_path / f"{i}.png")
    pictures, names = calibration_pictures(tmp_path, 16, 4)
    assert pictures.shape == (4, 16, 16, 3) and not names


def test_an_array_is_sampled_evenly(tmp_path):
    array = np.arange(9, dtype=np.uint8)[:, None, None, None] * np.ones((16, 16, 3), np.uint8)
    np.save(tmp_path / "p.npy", array)
    pictures, _ = calibration_pictures(tmp_path / "p.npy", 16, 3)
    assert pictures[:, 0, 0, 0].tolist() == [0, 4, 8]


def test_cifar_batches_give_training_pictures_and_names(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for i in range(1, 6):
        batch = {b"data": np.full((2, 3072), i, np.uint8), b"labels": [0, 1]}
        (folder / f"data_batch_{i}").write_bytes(pickle.dumps(batch))
    pictures, names = calibration_pictures(tmp_path, 32, 5)
    assert pictures[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5] and names == CLASS_NAMES


def test_mosaics_are_cut(tmp_path):
    Image.fromarray(noise(64, 96, 3)).save(tmp_path / "train_00.png")
    np.savez(tmp_path / "labels.npz", train_y=np.arange(6))
    pictures, names = calibration_pictures(tmp_path, 32, 64)
    assert pictures.shape == (6, 32, 32, 3) and names == CLASS_NAMES


def test_pictures_of_another_size_are_refused(tmp_path):
    np.save(tmp_path / "p.npy", noise(2, 8, 8, 3))
    with pytest.raises(CompileError, match="the model takes"):
        calibration_pictures(tmp_path / "p.npy", 16)


@pytest.mark.parametrize("array", [np.zeros((2, 16, 16, 3)), np.zeros((0, 16, 16, 3), np.uint8)])
def test_arrays_of_another_type_or_empty_are_refused(tmp_path, array):
    np.save(tmp_path / "p.npy", array)
    with pytest.raises(CompileError, match=r"p\.npy"):
        calibration_pictures(tmp_path / "p.npy", 16)


def test_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(DataError, match="no data set"):
        calibration_pictures(tmp_path, 16)
    (tmp_path / "p.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"p\.png"):
        calibration_pictures(tmp_path, 16)
