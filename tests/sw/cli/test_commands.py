"""``python -m sw classify``, ``pack`` and ``inspect``, where all is well."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from hw.spec import contract_digest, find_configuration
from sw.compiler.pack import read_packed
from sw.golden import run
from sw.golden.saturation import measure_saturation
from sw.model.checkpoint import save_checkpoint
from tests.sw.cli.conftest import noise
from tests.sw.driver.fake import CYCLES, PICTURE, RESULT, expected


def rows(text):
    """Cells of every table row."""
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in text.splitlines()
        if line.startswith("│")
    ]


# -- classify --------------------------------------------------------------------------------------


def test_classes_by_score_the_likeliest_first(sw, model, picture, packed):
    result = sw("classify", picture, "--model", model, "--top", 3)
    assert result.exit_code == 0, result.output
    logits = run(packed, torch.from_numpy(noise(16, 16, 3))[None])[0].numpy()
    order = np.argsort(-logits)[:3]
    table = rows(result.stdout)
    assert [row[0] for row in table] == [packed.classes[i] for i in order]
    assert [int(row[2].replace(",", "")) for row in table] == logits[order].tolist()
    scores = logits * packed.scalars["logit_scale"]
    assert [float(row[1]) for row in table] == pytest.approx(scores[order], abs=1e-3)
    share = np.exp(scores) / np.exp(scores).sum()
    assert [float(row[3].split()[0]) for row in table] == pytest.approx(100 * share[order], abs=0.1)
    assert "cycles" not in result.output


def test_several_pictures_in_a_row_on_a_device(sw, model, picture, device, packed):
    other = picture.with_name("dog.png")
    Image.fromarray(noise(16, 16, 3, seed=1)).save(other)
    result = sw("classify", picture, other, "--model", model, "--backend", "sim", "--top", 1)
    assert result.exit_code == 0, result.output
    logits = expected(np.stack([noise(16, 16, 3), noise(16, 16, 3, seed=1)]))
    assert [int(row[2].replace(",", "")) for row in rows(result.stdout)] == logits[:, 9].tolist()
    assert f"{CYCLES:,} to {CYCLES + 1:,}" in result.stdout


def test_pictures_of_another_size_are_scaled_and_it_says_so(sw, model, picture):
    Image.fromarray(noise(40, 50, 3)).convert("L").save(picture)
    result = sw("classify", picture, "--model", model)
    assert result.exit_code == 0
    assert "greyscale converted to RGB" in result.stderr
    assert "50x40 scaled and cropped to 16x16" in result.stderr


# -- pack ------------------------------------------------------------------------------------------


def test_a_packed_checkpoint_classifies(sw, pyramid, picture, tmp_path):
    save_checkpoint(pyramid[0].float(), tmp_path / "c.safetensors")
    pyramid[0].double()
    arguments = [tmp_path / "c.safetensors", "--heads", "1,2", "--reduction", "4,1"]
    result = sw("pack", *arguments, "-o", tmp_path / "out.bvit")
    assert result.exit_code == 0 and f"wrote {tmp_path / 'out.bvit'}" in result.output
    assert read_packed(tmp_path / "out.bvit").model == pyramid[2].packed.model
    assert sw("classify", picture, "--model", tmp_path / "out.bvit").exit_code == 0
    assert sw("pack", *arguments).exit_code == 0
    assert (
        read_packed(tmp_path / "c.bvit").fractions == read_packed(tmp_path / "out.bvit").fractions
    )


# -- inspect ---------------------------------------------------------------------------------------


def test_inspect_shows_what_its_json_holds(sw, model, device, packed, tmp_path):
    path = tmp_path / "out.json"
    result = sw("inspect", model, "--config", "3x4x64-l8", "--json", path)
    assert result.exit_code == 0, result.output
    facts = json.loads(path.read_text())
    assert facts["model"]["contract"] == contract_digest()
    assert facts["model"]["sizes"]["tokens"] == [64, 16]
    assert facts["model"]["sizes"]["keys"] == [4, 16]
    assert facts["model"]["fractions"] == packed.fractions
    assert facts["program"]["digest"] == find_configuration("3x4x64-l8").digest
    assert facts["program"]["regions"] == {
        "picture": {"first_beat": PICTURE, "beats": 48},
        "weights": {"first_beat": None, "beats": 9},
        "result": {"first_beat": RESULT, "beats": 3},
    }
    assert facts["program"]["bound_cycles"] == 8
    shown = {row[0]: row[1:] for row in rows(result.stdout)}
    assert shown["tokens"] == ["64", "16"] and shown["picture"] == [f"{PICTURE}", "48", "0.8"]
    assert shown["LINEAR"] == ["1", "8"]
    for tensor in ("x1", "ffn.hidden", "stem", "head.mean"):
        assert tensor in shown
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_inspect_predicts_cycles_and_what_takes_them(sw, model, packed, tmp_path):
    path = tmp_path / "out.json"
    arguments = ["inspect", model, "--config", "3x4x64-l8", "--json", path]
    facts = {}
    for memory in ("ideal", "sdr-sdram"):
        result = sw(*arguments, "--memory", memory, "--batch", "1,4,999")
        assert result.exit_code == 0, result.output
        facts[memory] = json.loads(path.read_text())
        text, predicted = " ".join(result.stdout.split()), facts[memory]["prediction"]
        assert f"memory {memory}: {predicted['cycles']:,} cycles a picture" in text
        shown = {row[0]: row[1:] for row in rows(result.stdout)}
        assert shown["array"][1] == f"{predicted['counters']['array_busy']:,}"
        assert max(map(len, result.stdout.splitlines())) <= 80
    fast, slow = (facts[memory]["prediction"] for memory in ("ideal", "sdr-sdram"))
    assert slow["cycles"] > fast["cycles"]
    loads = ("weights", "parameters", "positions", "picture")
    regions = facts["ideal"]["program"]["regions"]
    for kind in loads:
        assert slow["port"][kind]["beats"] == fast["port"][kind]["beats"]
        assert slow["port"][kind]["beats"] >= regions[kind]["beats"] > 0
        assert slow["port"][kind]["cycles"] >= 8 * slow["port"][kind]["beats"]
        assert slow["port"][kind]["cycles"] <= slow["cycles"]
    one, four, too_many = facts["sdr-sdram"]["batches"]
    assert one["scheduled"]["cycles"] == slow["cycles"] > four["scheduled"]["cycles"]
    assert too_many["scheduled"] is None
    assert one["x on chip"]["cycles"] == one["x carried"]["cycles"] == slow["cycles"]
    assert four["x on chip"]["cycles"] < slow["cycles"]
    assert four["x on chip"]["cycles"] <= four["x carried"]["cycles"] <= slow["cycles"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--memory", "hbm"], "'hbm': choose one of ideal"),
        (["--batch", "2,x"], "'2,x': give numbers from 1 on"),
        (["--batch", "0"], "'0': give numbers from 1 on"),
        (["--batch", ""], "'': give numbers from 1 on"),
    ],
)
def test_inspect_refuses(refused, model, options, words):
    assert words in refused("inspect", model, *options)


def test_stored_bits_by_kind(sw, model, device, packed, tmp_path):
    path = tmp_path / "out.json"
    assert sw("inspect", model, "--json", path).exit_code == 0
    bits = json.loads(path.read_text())["model"]["bits"]
    m = packed.model
    binary = 4 * m.channels[0] * m.channels[1]
    for c, i, r, depth in zip(m.channels, m.hidden, m.reduction, m.depths, strict=True):
        binary += depth * ((4 + (r > 1)) * c * c + 2 * c * i)
    assert bits["binary weights"] == binary
    assert bits["integer matrices"] == 8 * (12 * m.channels[0] + 10 * m.channels[1])
    assert bits["positions"] == 16 * (64 * m.channels[0] + 16 * m.channels[1])
    assert bits["classifier bias"] == 32 * 10
    assert re.search(rf"sum +│ +{sum(bits.values()) / 1024:,.1f}", sw("inspect", model).stdout)


# -- capability ------------------------------------------------------------------------------------


def test_capability_of_known_architectures_and_the_shipped_model(sw):
    result = sw("capability")
    assert result.exit_code == 0, result.output
    table = {row[0]: row[1] for row in rows(result.stdout)}
    assert table["deit-s"] == "153,216"
    assert table["resnet-34"] == "71,193,472"
    assert {"binaryvit", "cifar10"} <= table.keys()


def test_capability_of_a_model_walks_and_bounds(sw, model, tmp_path):
    report = tmp_path / "capability.json"
    result = sw("capability", model, "--json", report)
    assert result.exit_code == 0, result.output
    found = json.loads(report.read_text())
    assert f"R = {found['r']:,}" in result.stdout
    assert found["walk"][-1]["value"] == found["r"]
    exact = [r for r in found["intervals"] if r["exact"]]
    assert {"logits", "stem: accumulator"} <= {r["name"] for r in exact}
    assert all(r["fits"] and r["bits"] <= r["format_bits"] for r in exact)


def test_capability_measures_every_value_that_could_saturate(sw, model, data, tmp_path):
    report = tmp_path / "capability.json"
    result = sw("capability", model, "--data", data, "--limit", 4, "--json", report)
    assert result.exit_code == 0, result.output
    found = json.loads(report.read_text())
    assert found["pictures"] == 4
    cells = {row[0]: row[-1] for row in rows(result.stdout)}
    could = [r for r in found["intervals"] if not r["fits"]]
    assert {"stage1.block0.key: v", "head: v", "stage1.block0.x1"} <= {r["name"] for r in could}
    for r in could:
        assert r["elements"] > 0 and r["saturated"] == r["clipped"] / r["elements"]
        shown = cells[r["name"]].removeprefix("< ").removesuffix(" %")
        assert float(shown) == pytest.approx(100 * r["saturated"], abs=1e-4)
    did = sum(r["clipped"] > 0 for r in could)
    assert f"on 4 pictures {did} of these {len(could)} did" in result.stdout
    assert "not formed" not in result.stdout
    assert all(
        r["elements"] is None and not cells[r["name"]] for r in found["intervals"] if r["exact"]
    )


def test_capability_says_what_golden_does_not_form(sw, model, data, tmp_path, monkeypatch):
    def without_v(packed, images):
        counts = measure_saturation(packed, images)
        del counts["head: v"]
        return counts

    monkeypatch.setattr("sw.golden.saturation.measure_saturation", without_v)
    report = tmp_path / "capability.json"
    result = sw("capability", model, "--data", data, "--limit", 1, "--json", report)
    assert {row[0]: row[-1] for row in rows(result.stdout)}["head: v"] == "not formed"
    assert "not measured, as golden forms no such value: head: v" in result.stdout
    (row,) = [r for r in json.loads(report.read_text())["intervals"] if r["name"] == "head: v"]
    assert not row["fits"] and row["saturated"] is None and row["elements"] is None


def test_capability_measures_pictures_of_a_model_only(sw, tmp_path):
    result = sw("capability", "deit-s", "--data", tmp_path)
    assert result.exit_code == 2
    assert "an architecture has no values" in result.stderr
