"""The model card: from a run, its packed model and what the commands measured."""

import json

import pytest
from typer.testing import CliRunner

from sw.cli.app import app
from sw.train import card
from tests.sw.train.test_command_line import train, write_data

SIZES = "--channels 32 32 --hidden 32 32 --epochs 2"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, packed, evaluated and compared."""
    folder = tmp_path_factory.mktemp("card")
    write_data(folder / "data")
    assert train(folder, *SIZES.split()) == 0
    weights, data = folder / "out" / "model.safetensors", folder / "data"
    model, evaluation, precision = (folder / name for name in ("m.bvit", "e.json", "p.json"))
    for command in (
        ["pack", weights, "--heads", "1,2", "--reduction", "2,1", "--depths", "1,1",
         "--calibration", data, "-o", model],
        ["evaluate", "--model", model, "--data", data, "--checkpoint", weights,
         "--json", evaluation, "--no-picture"],
        ["precision", "--checkpoint", weights, "--data", data, "--limit", 20, "--json", precision],
    ):  # fmt: skip
        result = CliRunner().invoke(app, [str(part) for part in command])
        assert result.exit_code == 0, result.output
    return folder


def arguments(folder):
    return [
        str(part)
        for part in (folder / "out", "--model", folder / "m.bvit", "--evaluation",
                     folder / "e.json", "--precision", folder / "p.json", "-o", folder / "m.md")
    ]  # fmt: skip


def test_every_figure_comes_from_the_files(made):
    assert card.main(arguments(made)) == 0
    text = (made / "m.md").read_text()
    evaluation = json.loads((made / "e.json").read_text())
    log = json.loads((made / "out" / "log.json").read_text())
    precision = json.loads((made / "p.json").read_text())
    assert f"**{evaluation['top1']:.2f} %** of 24 test pictures" in text
    assert f"{evaluation['float']['agreement']:.2f} % of the pictures" in text
    assert f"loss {log['curve'][-1]['loss']:.3f}" in text and "rate 0.002" in text
    assert text.count("| learned |") == 4 and text.count("| means |") == 1
    assert f"| {precision['rows'][3]['golden_top1']:.2f} % |" in text
    assert "fused bound" in text and "bright for dark" in text


def test_precision_agrees_with_evaluate_at_full_width(made):
    evaluation = json.loads((made / "e.json").read_text())
    rows = json.loads((made / "p.json").read_text())["rows"]
    assert [row["width"] for row in rows] == [16, 12, 10, 8, 16]
    assert [row["thresholds"] for row in rows] == ["learned"] * 4 + ["means"]
    right = [p["predicted"] == p["label"] for p in evaluation["predictions"][:20]]
    assert rows[0]["golden_top1"] == pytest.approx(100 * sum(right) / 20)
    assert rows[0]["chip_kbit"] == 2 * rows[3]["chip_kbit"]
    assert rows[0]["position_kbit"] == 2 * rows[3]["position_kbit"] > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--widths", "16,20"], "--widths 16,20: give widths from 4 to 16 bits"),
        (["--widths", "a"], "--widths a: give widths"),
        (["--limit", "0"], "--limit 0: compare at least 1 picture"),
        (["--json", "/absent/p.json"], "is no folder"),
    ],
)
def test_precision_refuses_bad_options(made, options, words):
    command = ["precision", "--checkpoint", made / "out" / "model.safetensors", "--data",
               made / "data", *options]  # fmt: skip
    result = CliRunner().invoke(app, [str(part) for part in command])
    assert result.exit_code == 2 and words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_card_of_another_run_is_refused(made, tmp_path, capsys):
    log = json.loads((made / "out" / "log.json").read_text())
    for change, words in (
        ({"config": log["config"] | {"channels": [32, 64]}}, "those of log.json are not"),
        ({"result": None}, "is not over"),
    ):
        other = {k: v for k, v in (log | change).items() if v is not None}
        (tmp_path / "log.json").write_text(json.dumps(other))
        assert card.main([str(tmp_path), *arguments(made)[1:]]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("card: ") and words in line
    assert card.main([str(tmp_path / "absent"), *arguments(made)[1:]]) == 2
    assert "absent/log.json: no such file" in capsys.readouterr().err
