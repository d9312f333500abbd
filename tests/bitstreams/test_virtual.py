"""A board's own top in simulation, from oscillator to memory chip, and the serial driver."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from bitstreams.__main__ import REPORTS
from bitstreams.__main__ import app as bitstreams_app
from bitstreams.boards import find_board
from bitstreams.virtual import SimulatedBoard
from sim.errors import SimulationError
from sw.cli.app import app
from sw.driver import DeviceError
from sw.driver.serial import SerialTransport

BOARD = find_board("ulx3s-45f")
FAST = replace(BOARD, baud=BOARD.clock_hz // 4)
"""A byte in 40 cycles, not in 125, and nothing else."""
PICTURE = "sw/models/pictures/00.png"
BEATS = np.arange(2 * 300, dtype=np.uint64).reshape(-1, 2) << np.uint64(40)


def command(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


def test_a_board_classifies_with_goldens_logits_in_its_reports_cycles():
    golden = command("classify", PICTURE)
    with SimulatedBoard(FAST) as board:
        result = command("classify", PICTURE, "--backend", f"serial:{board.port}")
        assert result.exit_code == 0, result.output
        done = board.close()
    shown = golden.stdout.splitlines()
    assert result.stdout.splitlines()[: len(shown)] == shown  # raw logits, too
    words = result.stdout.splitlines()[len(shown)].split()
    assert words[0] == f"{BOARD.configuration.name}:" and words[2:] == ["cycles", "a", "picture"]
    cycles = int(words[1].replace(",", ""))
    report = json.loads((REPORTS / BOARD.folder / "report.json").read_text())
    said = next(row["cycles"] for row in report["models"] if row["name"] == "cifar10")
    assert cycles == pytest.approx(said, rel=0.005)  # when a refresh comes is chance
    assert done.cycles > 40 * done.received


@pytest.mark.parametrize("delay", [2, 5])
def test_words_that_come_some_quarters_early_or_late_are_read(delay):
    with SimulatedBoard(FAST, options=[f"+read_delay={delay}"]) as board:
        transport = SerialTransport(BOARD.configuration, board.port)
        transport.write(7, BEATS)
        assert (transport.read(7, len(BEATS)) == BEATS).all()
        transport.close()


@pytest.mark.parametrize("delay", [1, 6])
def test_words_that_come_earlier_or_later_are_not(delay):
    with SimulatedBoard(FAST, options=[f"+read_delay={delay}"]) as board:
        transport = SerialTransport(BOARD.configuration, board.port)
        transport.write(7, BEATS)
        assert (transport.read(7, len(BEATS)) != BEATS).any()
        assert transport.first_difference(7, BEATS) == 0
        transport.close()


def test_a_chip_that_is_slower_than_the_boards_ends_the_simulation():
    with SimulatedBoard(FAST, options=["+t_rcd_ps=40000"]) as board:
        with pytest.raises(DeviceError):
            SerialTransport(BOARD.configuration, board.port, timeout_s=1).write(7, BEATS)
        with pytest.raises(SimulationError, match=r"ended before .*a column command breaks tRCD"):
            board.close()


def test_bad_input():
    for arguments, why in (
        (["arty"], "board 'arty': unknown"),
        (["ulx3s-45f", "--baud", "10000000"], "--baud 10000000: use 1 to 9375000"),
    ):
        result = CliRunner().invoke(bitstreams_app, ["virtual", *arguments])
        assert result.exit_code == 2 and why in result.stderr, result.output
