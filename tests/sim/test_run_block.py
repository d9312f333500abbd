"""``python -m sim.run_block``: what a user sees of a good run, of a mismatch and of bad input."""

import json
import re
import shlex
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from hw.spec import CONFIGURATIONS
from sim.block.tensors import NEVER_FORMED
from sim.block.top import STALLS
from sim.run_block import app
from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.pack import pack
from sw.compiler.quantise import quantise
from sw.data.synthetic import random_pictures
from sw.files import load_image, load_model
from sw.model import ModelConfig, random_binaryvit

MODEL = ["--model", "random:cifar10"]
SMALL = [*MODEL, "--config", "3x4x64-l8"]
TENSORS = [
    "attention.q_in_bits", "attention.pooled_mean", "attention.reduced", "attention.k_in_bits",
    "attention.v_in_bits", "attention.q", "attention.k", "attention.v", "attention.q_bits",
    "attention.k_bits", "attention.v_bits", "attention.scores", "attention.probability_bits",
    "attention.context", "attention.t", "x1", "ffn.hidden_bits", "ffn.pooled", "ffn.y",
    "branch.h3", "branch.w3", "branch.h5", "branch.w5", "x2",
]  # fmt: skip
"""What a block with spatial reduction must show, n1 and n2 apart."""


def run_block(*arguments):
    """The command line in this process, 80 columns wide."""
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "80"})


def refused(result):
    """The one error line of bad input; progress lines are indented."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit) and not result.stdout
    (line,) = (line for line in result.stderr.splitlines() if not line.startswith("  "))
    assert line.startswith("run_block: ")
    return line


def all_in(words, line):
    return all(str(word) in line for word in words)


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stage", 0], ["stage 0", "stages 1 to 4"]),
        (["--stage", 5], ["stage 5", "stages 1 to 4"]),
        (["--stage", -1], ["stage -1", "stages 1 to 4"]),
        (["--block", 1], ["block 1", "stage 1", "blocks 0 to 0"]),
        (["--block", -1], ["block -1", "blocks 0 to 0"]),
        (["--config", "9x9x64-l9"], ["'9x9x64-l9'", *CONFIGURATIONS]),
        (["--stall", "sometimes"], ["'sometimes'", *STALLS]),
        (["--seed", -1], ["seed -1", "0 to"]),
        (["--inject", "x3"], ["'x3'", *TENSORS]),
        (["--inject", "stage2.block0.x2"], ["'stage2.block0.x2'", "stage1.block0", *TENSORS]),
        (["--inject", "n1"], ["never formed", "x2"]),
        (["--image", "/nowhere/cat.png"], ["/nowhere/cat.png", "no such file"]),
        (["--json", "/nowhere/out.json"], ["--json", "/nowhere is no folder"]),
        (["--waves", "/nowhere/out.vcd"], ["--waves", "/nowhere is no folder"]),
        (["--json", "/"], ["--json", "cannot be written"]),
        (["--waves", "/"], ["--waves", "cannot be written"]),
    ],
)
def test_bad_options_end_with_one_line_and_status_2(arguments, words):
    assert all_in(words, refused(run_block(*MODEL, *arguments)))


@pytest.mark.parametrize("arguments", [["--stage", "one"], ["--colour", "red"]])
def test_options_that_cannot_be_parsed_end_with_status_2(arguments):
    result = run_block(*MODEL, *arguments)
    assert result.exit_code == 2 and arguments[0] in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/nowhere/m.bvit", ["/nowhere/m.bvit", "no such file", "random:binaryvit"]),
        ("no_such_model", ["'no_such_model'", "shipped"]),
        ("random:resnet", ["random:resnet", "random:binaryvit", "random:cifar10"]),
    ],
)
def test_models_that_do_not_exist(name, words):
    assert all_in(words, refused(run_block("--model", name)))


@pytest.mark.parametrize("size", [0, 4, 100, 20_000, -8])
def test_truncated_models(tmp_path, size):
    whole = tmp_path / "whole.bvit"
    pack(load_model("random:cifar10", 0, lambda _: None), whole)
    path = tmp_path / "m.bvit"
    path.write_bytes(whole.read_bytes()[:size])
    assert all_in([path, "not a whole safetensors file"], refused(run_block("--model", path)))


@pytest.mark.parametrize("text", ["Once upon a time\n" * 100, "{}", "\0" * 64])
def test_files_that_are_no_models(tmp_path, text):
    path = tmp_path / "m.bvit"
    path.write_text(text)
    assert str(path) in refused(run_block("--model", path))


@pytest.mark.parametrize("content", ["truncated", "text", "empty"])
def test_pictures_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "cat.png"
    Image.fromarray(random_pictures(0, 1, 64)[0]).save(path)
    data = path.read_bytes()
    path.write_bytes({"truncated": data[: len(data) // 2], "text": b"a cat", "empty": b""}[content])
    assert all_in([path, "unreadable picture"], refused(run_block(*MODEL, "--image", path)))


@pytest.fixture(scope="module")
def large_model(tmp_path_factory):
    """256 tokens of 256 channels that must stay on chip: too much for the small configurations."""
    config = ModelConfig(channels=(256,), depths=(1,), reduction=(1,), heads=(4,), hidden=(256,))
    model, _ = random_binaryvit(0, config=config)
    path = tmp_path_factory.mktemp("large") / "large.bvit"
    pictures = torch.from_numpy(random_pictures(1, 4, config.image))
    pack(quantise(fold(load(model)), pictures).packed, path)
    return path


@pytest.mark.parametrize(
    ("config", "needed", "available"), [("4x8x64-l16", 4096, 2048), ("3x4x64-l8", 8192, 4096)]
)
def test_a_configuration_that_cannot_hold_the_block(large_model, config, needed, available):
    line = refused(run_block("--model", large_model, "--config", config))
    assert all_in(["stage1.block0", config, "x memory", needed, available], line)


def test_no_traceback_from_the_command_itself(tmp_path):
    path = tmp_path / "m.bvit"
    path.write_text("no model")
    done = subprocess.run(
        [sys.executable, "-m", "sim.run_block", "--model", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.splitlines()) == 1 and str(path) in done.stderr


# -- pictures that are converted -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("RGB", None),
        ("RGBA", "RGBA"),
        ("L", "greyscale"),
        ("P", "palette"),
        ("1", "black and white"),
        ("LA", "greyscale"),
        ("CMYK", "CMYK"),
    ],
)
@pytest.mark.parametrize("size", [(32, 32), (50, 40)])
def test_pictures_are_converted_and_it_says_so(tmp_path, mode, said, size):
    path = tmp_path / f"cat.{'tiff' if mode == 'CMYK' else 'png'}"
    picture = Image.fromarray(random_pictures(0, 1, 64)[0]).resize(size).convert(mode)
    picture.save(path)
    lines = []
    packed = load_model("random:cifar10", 0, lambda _: None)
    pixels = load_image(packed, path, 0, lines.append)
    assert pixels.shape == (32, 32, 3) and pixels.dtype == np.uint8
    expected = [f"{said}.*converted to RGB"] if said else []
    if size != (32, 32):
        expected.append("50x40 scaled and cropped to 32x32")
    else:
        assert np.array_equal(pixels, np.asarray(picture.convert("RGB")))
    assert len(lines) == len(expected)
    assert all(
        re.search(e, line) and path.name in line for e, line in zip(expected, lines, strict=True)
    )


# -- runs ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """A run that is equal everywhere: result and JSON."""
    path = tmp_path_factory.mktemp("exact") / "out.json"
    result = run_block(*SMALL, "--json", path)
    return result, json.loads(path.read_text())


def test_an_exact_run_ends_with_status_0(exact):
    result, _ = exact
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "stage1.block0" in lines[0] and "random:cifar10" in lines[0]
    assert lines[-1].startswith("BIT-EXACT: ")
    assert all(f"{name} is never formed:" in result.stdout for name in NEVER_FORMED)
    for words in ("elaborate", "simulate", "golden model"):
        assert words in result.stderr


def test_the_report_is_80_columns_wide(exact):
    assert max(map(len, exact[0].stdout.splitlines())) <= 80


def _rows(table):
    """The cells of every row by the first one."""
    return {
        cells[0]: cells[1:]
        for line in table.splitlines()
        if line.startswith("│") and (cells := line.replace("│", " ").split())
    }


def test_the_table_and_the_json_agree(exact):
    result, report = exact
    tensors, _, cycles = result.stdout.partition("cycles since")
    rows = _rows(tensors)
    for tensor in report["tensors"]:
        name = tensor["name"].removeprefix("stage1.block0.")
        shape, elements, mismatches = rows[name]
        assert shape == "x".join(map(str, tensor["shape"]))
        assert int(elements.replace(",", "")) == tensor["elements"] == np.prod(tensor["shape"])
        assert int(mismatches) == tensor["mismatches"] == 0
    rows = _rows(cycles)
    for command in report["commands"]:
        _, _, cycles, bound, _ = rows[command["name"]]
        assert int(cycles.replace(",", "")) == command["cycles"]
        assert int(bound.replace(",", "")) == command["bound"]
    assert rows["block"][1:3] == [f"{report['cycles']:,}", f"{report['bound_cycles']:,}"]


def test_the_json_has_what_the_contract_says(exact):
    _, report = exact
    assert report["bit_exact"] is True and report["seed"] == 0
    assert {f"stage1.block0.{name}" for name in TENSORS} <= {t["name"] for t in report["tensors"]}
    assert all(t["mismatches"] == 0 for t in report["tensors"])
    assert {"rows": 3, "columns": 4, "word_bits": 64, "lanes": 8}.items() <= (
        report["configuration"].items()
    )
    assert all({"name", "cycles", "bound"} <= set(c) for c in report["commands"])
    assert 0 < report["bound_cycles"] <= report["cycles"]
    # (MACs, post-processed elements) of 256 tokens, 16 keys, C = 64, I = 128 on 768 MAC/cycle.
    n, m, c, i = 256, 16, 64, 128
    layers = [
        *3 * [(m * c * c, m * c)],
        *2 * [(n * c * c, n * c)],
        (n * m * c, 0),
        (n * m * c, n * c),
        (n * c * i, n * i),
        (n * c * i, n * c),
    ]
    assert report["bound_cycles"] == sum(
        max(-(-macs // 768), -(-elements // 8)) for macs, elements in layers
    )
    assert any("verilator" in tool for tool in report["tools"])


@pytest.mark.parametrize("stage", [3, 4])
def test_the_blocks_name_is_right_under_random_stalls(tmp_path, stage):
    path = tmp_path / "out.json"
    result = run_block(*SMALL, "--stage", stage, "--stall", "random", "--seed", 7, "--json", path)
    assert result.exit_code == 0, result.output
    assert f"stage{stage}.block0" in result.stdout.splitlines()[0]
    report = json.loads(path.read_text())
    assert report["bit_exact"] and report["seed"] == 7 and report["stall"] == "random"
    assert all(t["name"].startswith(f"stage{stage}.block0.") for t in report["tensors"])


@pytest.mark.parametrize(
    ("name", "tensor"), [("stage1.block0.ffn.hidden", "ffn.hidden"), ("x2", "x2")]
)
def test_an_injected_error_is_found_and_reported(tmp_path, name, tensor):
    path = tmp_path / "out.json"
    arguments = [*SMALL, "--inject", name, "--json", str(path)]
    result = run_block(*arguments)
    assert result.exit_code == 1
    report = json.loads(path.read_text())
    assert not report["bit_exact"]
    wrong = [t for t in report["tensors"] if t["mismatches"]]
    assert [(t["name"], t["mismatches"]) for t in wrong] == [(f"stage1.block0.{tensor}", 1)]
    *_, where, rerun, verdict = result.stdout.splitlines()
    found = re.fullmatch(
        rf"stage1\.block0\.{tensor}: token (\d+), channel (\d+): expected raw (-?\d+) "
        r"\(real (\S+)\), got raw (-?\d+) \(real (\S+)\); 1 of \d+ elements differ",
        where,
    )
    assert found, where
    expected, got = int(found[3]), int(found[5])
    assert expected == got ^ 1
    unit = load_model("random:cifar10", 0, lambda _: None).fractions[f"stage1.block0.{tensor}"]
    assert float(found[4]) == pytest.approx(expected / 2**unit, rel=1e-4)
    assert verdict.startswith("MISMATCH: 1 of")
    command = shlex.split(rerun.removeprefix("rerun: "))
    assert command[:3] == ["python", "-m", "sim.run_block"]
    assert sorted(command[3:]) == sorted(arguments)


def test_a_picture_of_the_users(tmp_path):
    path = tmp_path / "my cat.png"
    Image.fromarray(random_pictures(3, 1, 50)[0]).convert("L").save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_block(*SMALL, "--stage", 4, "--image", path)
    assert result.exit_code == 0, result.output
    assert "greyscale converted to RGB" in result.stderr
    assert "scaled and cropped" in result.stderr


def test_waves(tmp_path):
    path = tmp_path / "block.vcd"
    result = run_block(*SMALL, "--stage", 4, "--waves", path)
    assert result.exit_code == 0, result.output
    with path.open() as file:
        head = "".join(line for line, _ in zip(file, range(200), strict=False))
    assert "$timescale" in head and "$var" in head
    assert path.stat().st_size > 1_000_000
    path.unlink()
