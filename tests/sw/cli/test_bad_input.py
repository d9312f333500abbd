"""One clear line and status 2 for bad input, 1 for a device: every way to get there."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

from hw.spec import CONFIGURATIONS
from sw.compiler import schedule
from sw.compiler.schedule import ScheduleError
from sw.data import CLASS_NAMES
from sw.driver import BACKENDS
from sw.driver.device import Device
from sw.files import RANDOM_MODELS
from sw.model.checkpoint import save_checkpoint
from tests.sw.cli.conftest import noise
from tests.sw.driver.fake import FakeProgram, FakeTransport


def all_in(words, line):
    return all(str(word) in line for word in words)


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backend", "fpga"], ["'fpga'", *BACKENDS]),
        (["--config", "9x9"], ["'9x9'", *CONFIGURATIONS]),
        (["--memory", "ideal"], ["golden", "memory"]),
        (["--limit", 0], ["--limit 0", "at least 1"]),
        (["--limit", -3], ["--limit -3"]),
        (["--json", "/nowhere/out.json"], ["--json", "/nowhere is no folder"]),
        (["--json", "/"], ["--json", "cannot be written"]),
        (["--model", "no_such_model"], ["'no_such_model'", "shipped", *RANDOM_MODELS]),
        (["--model", "random:resnet"], ["random:resnet", *RANDOM_MODELS]),
    ],
)
def test_bad_options(refused, model, data, arguments, words):
    assert all_in(words, refused("evaluate", "--data", data, "--model", model, *arguments))


def test_bad_options_of_classify_and_inspect(refused, model, picture):
    assert "--top 0" in refused("classify", picture, "--model", model, "--top", 0)
    assert "'fpga'" in refused("classify", picture, "--model", model, "--backend", "fpga")
    assert "'9x9'" in refused("inspect", model, "--config", "9x9")
    assert "/nowhere is no folder" in refused("inspect", model, "--json", "/nowhere/o.json")


def test_random_models_are_the_compilers():
    from sw.compiler.random_model import RANDOM_MODELS as made

    assert tuple(f"random:{name}" for name in made) == RANDOM_MODELS


# -- packed files ----------------------------------------------------------------------------------


def rewritten(path, tensors=None, **metadata):
    """Writes the packed file again with some tensors and metadata changed; None drops one."""
    with safe_open(path, "numpy") as file:
        old = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = file.metadata() | metadata
    save_file({k: v for k, v in (old | (tensors or {})).items() if v is not None}, path, header)


COMMANDS = [
    ["classify", "PICTURE", "--model"],
    ["evaluate", "--data", "DATA", "--model"],
    ["inspect"],
]


@pytest.fixture(params=COMMANDS, ids=lambda c: c[0])
def reads(request, refused, model, picture, data):
    """The refusal of the packed file by each command that reads one."""
    places = {"PICTURE": picture, "DATA": data}
    return lambda: refused(*(places.get(a, a) for a in request.param), model)


@pytest.mark.parametrize("size", [0, 4, 100, 20_000, -8])
def test_truncated_files(reads, model, size):
    model.write_bytes(model.read_bytes()[:size])
    assert all_in([model, "not a whole safetensors file"], reads())


def test_files_that_are_no_model(reads, model):
    model.write_text("Once upon a time\n" * 100)
    assert str(model) in reads()


def test_a_flipped_bit_of_a_weight(reads, model):
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
    assert str(model) in reads()


def test_a_corrupted_header(reads, model):
    content = bytearray(model.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    content[8 + length // 2] ^= 0x80
    model.write_bytes(content)
    assert str(model) in reads()


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"version": "999"}, ["version '999'", "pack the model again"]),
        ({"contract": "0" * 64}, ["contract 000000000000", "pack the model again"]),
        ({"layers": "{"}, ["malformed"]),
        ({"model": "{}"}, ["malformed"]),
        ({"classes": json.dumps(["cat"])}, ["classes"]),
    ],
)
def test_files_of_another_version_or_with_damaged_metadata(reads, model, metadata, words):
    rewritten(model, **metadata)
    assert all_in([model, *words], reads())


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("classifier.matrix", lambda a: a.astype(np.float32), ["float32", "int8"]),
        ("classifier.matrix", lambda a: a[:, :-1].copy(), ["(10, 63)", "(10, 64)"]),
        ("stage1.block0.query.weight", lambda a: a.astype(np.int32), ["int32", "int64"]),
        ("stage2.block0.ffn.bias", lambda a: None, ["stage2.block0.ffn", "bias"]),
        ("stage1.exp", lambda a: a[::-1].copy(), ["stage1.exp", "non-decreasing"]),
    ],
)
def test_tensors_of_another_type_or_shape(refused, model, name, array, words):
    with safe_open(model, "numpy") as file:
        old = file.get_tensor(name)
    rewritten(model, {name: array(old)})
    assert all_in([model, *words], refused("inspect", model))


# -- pictures and folders --------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"a cat", "truncated"])
def test_pictures_that_are_none(refused, model, picture, content):
    whole = picture.read_bytes()
    if content is None:
        picture.unlink()
    else:
        picture.write_bytes(whole[:-200] if content == "truncated" else content)
    assert str(picture) in refused("classify", picture, "--model", model)


def test_a_folder_is_no_picture(refused, model, tmp_path):
    assert all_in([tmp_path, "no such file"], refused("classify", tmp_path, "--model", model))


def test_folders_that_are_no_data_set(refused, model, data, tmp_path):
    def line(folder):
        return refused("evaluate", "--data", folder, "--model", model)

    assert all_in(["/nowhere", "no such folder"], line("/nowhere"))
    assert all_in([model, "no such folder"], line(model))
    (tmp_path / "empty").mkdir()
    assert all_in([tmp_path / "empty", "no data set"], line(tmp_path / "empty"))
    (data / "truck").mkdir()
    assert all_in([data / "truck", "no pictures"], line(data))


def test_unknown_classes_list_the_known(refused, model, data):
    (data / "cat").rename(data / "caterpillar")
    line = refused("evaluate", "--data", data, "--model", model)
    assert all_in(["'caterpillar'", *CLASS_NAMES], line)


def test_a_data_set_of_other_classes(refused, model, tmp_path):
    folder = tmp_path / "mosaic"
    folder.mkdir()
    Image.fromarray(noise(32, 32, 3)).save(folder / "test_00.png")
    np.savez(folder / "labels.npz", test_y=[0], class_names=["unicorn"])
    line = refused("evaluate", "--data", folder, "--model", model)
    assert all_in(["'unicorn'", *CLASS_NAMES], line)


def test_an_unreadable_picture_of_a_folder(refused, model, data):
    (data / "dog" / "a.png").write_bytes(b"a dog")
    line = refused("evaluate", "--data", data, "--model", model)
    assert all_in([data / "dog" / "a.png", "unreadable"], line)


# -- checkpoints -----------------------------------------------------------------------------------


SIZES = ["--heads", "1,2", "--reduction", "4,1"]


@pytest.fixture
def checkpoint(pyramid, tmp_path):
    path = tmp_path / "pyramid.safetensors"
    save_checkpoint(pyramid[0].float(), path)
    pyramid[0].double()
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--heads", "1,2,4,8"]),
        (["--heads", "1,2"], ["--reduction"]),
        (["--heads", "1,two", "--reduction", "4,1"], ["--heads '1,two'"]),
        ([*SIZES, "-o", "/nowhere/m.bvit"], ["/nowhere is no folder"]),
        ([*SIZES, "--calibration", "/nowhere"], ["/nowhere", "no such folder"]),
    ],
)
def test_bad_options_of_pack(refused, checkpoint, arguments, words):
    assert all_in(words, refused("pack", checkpoint, *arguments))
    assert not checkpoint.with_suffix(".bvit").exists()


def test_checkpoints_that_cannot_be_packed(refused, checkpoint):
    assert "no such file" in refused("pack", "/nowhere/c.safetensors", *SIZES)
    with safe_open(checkpoint, "pt") as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    name = next(n for n, t in state.items() if t.dim() == 2)
    state[name][0, 0] = float("nan")
    torch.save(state, checkpoint.with_suffix(".pt"))
    line = refused("pack", checkpoint.with_suffix(".pt"), *SIZES)
    assert all_in([name, "NaN"], line)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert str(checkpoint) in refused("pack", checkpoint, *SIZES)


# -- models that do not fit, and devices -----------------------------------------------------------


@pytest.fixture
def too_large(monkeypatch):
    def refuse(packed, configuration, batch=1):
        raise ScheduleError("stage1: x memory: 4,096 words needed, 2,048 there")

    monkeypatch.setattr(schedule, "network_program", refuse, raising=False)


def test_a_model_that_does_not_fit(too_large, sw, refused, model, picture, data):
    words = "4,096 words needed"
    sim = ["--model", model, "--backend", "sim"]
    assert words in refused("classify", picture, *sim)
    assert words in refused("evaluate", "--data", data, *sim)
    result = sw("inspect", model)
    assert result.exit_code == 2 and words in result.stderr
    assert "binary weights" in result.stdout  # the model itself is shown


def failing(monkeypatch, compute=None, hang=False, **identity):
    """A ``sim`` whose device does something else."""
    program = FakeProgram(CONFIGURATIONS["4x8x64-l16"], 16)

    def connect(configuration):
        transport = FakeTransport(configuration, compute or program.compute, **identity)
        transport.hang = hang
        return transport

    monkeypatch.setattr(schedule, "network_program", lambda *_: program, raising=False)
    monkeypatch.setitem(BACKENDS, "sim", lambda c, batch, **_: Device(c, connect, batch))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"hang": True}, ["not done after"]),
        ({"compute": lambda memory, start: None}, ["not written"]),
        ({"contract": 1}, ["contract register is 0x00000001"]),
    ],
)
def test_a_device_that_fails_ends_with_one_line(
    refused, model, picture, data, monkeypatch, fault, words
):
    failing(monkeypatch, **fault)
    sim = ["--model", model, "--backend", "sim"]
    assert all_in(words, refused("classify", picture, *sim))
    assert all_in(words, refused("evaluate", "--data", data, *sim))


# -- from outside ----------------------------------------------------------------------------------


def test_help_and_errors_load_no_pytorch(model):
    """It takes longer to load than all the rest: with it, no answer would come within a second."""
    commands = [
        ["--help"],
        ["classify", "/nowhere.png", "--model", str(model)],
        ["classify", str(model), "--model", str(model)],
        ["classify", str(model), "--model", str(model), "--backend", "sim"],
        ["evaluate", "--data", "/nowhere", "--model", str(model)],
        ["pack", "/nowhere.pt"],
        ["pack", str(model), "--heads", "x", "--reduction", "1"],
    ]
    script = (
        "import sys; from sw.cli.app import app\n"
        f"for arguments in {commands}:\n"
        "    try: app(arguments)\n"
        "    except SystemExit as end: print('torch' in sys.modules, end.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    ends = [line for line in done.stdout.splitlines() if line.startswith(("True", "False"))]
    assert ends == ["False 0"] + 6 * ["False 2"]
    assert len(done.stderr.splitlines()) == 6


def test_an_error_loads_nothing_heavy(model):
    """It takes a fraction of a second: PyTorch, Amaranth and matplotlib stay out of it."""
    script = (
        "import sys; from sw.cli.app import app\n"
        f"try: app(['classify', '/nowhere.png', '--model', {str(model)!r}])\n"
        "except SystemExit as end: print(end.code)\n"
        "print(*sorted({'torch', 'amaranth', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "2\n\n"


def test_no_traceback_from_the_command_itself(model):
    done = subprocess.run(
        [sys.executable, "-m", "sw", "inspect", "/nowhere.bvit"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and "/nowhere.bvit" in done.stderr
