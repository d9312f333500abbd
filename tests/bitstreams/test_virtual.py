"""A board's own top in simulation, from oscillator to memory chip, and the serial driver."""

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

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

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize("delay", [3, 4])
def test_words_that_come_as_late_as_pads_and_board_may_take_are_read(delay):
    with SimulatedBoard(FAST, options=[f"+read_delay={delay}"]) as board:
        transport = SerialTransport(BOARD.configuration, board.port)
        transport.write(7, BEATS)
        assert (transport.read(7, len(BEATS)) == BEATS).all()
        transport.close()


@pytest.mark.parametrize("delay", [2, 5])
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


@pytest.mark.slow
def test_a_board_of_another_family_without_a_pll_answers():
    tang = find_board("tang-mega-138k")
    tang = replace(tang, baud=tang.clock_hz // 4)
    with SimulatedBoard(tang) as board:
        transport = SerialTransport(tang.configuration, board.port)
        transport.write(7, BEATS)
        assert (transport.read(7, len(BEATS)) == BEATS).all()
        transport.close()
        board.close()


def test_the_command_says_its_port_and_ends_when_it_is_told_to():
    command = [sys.executable, "-m", "bitstreams", "virtual", BOARD.name]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        address = process.stdout.readline().strip()
        transport = SerialTransport(BOARD.configuration, address.removeprefix("serial:"))
        transport.write(7, BEATS)
        transport.close()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"the UART at {FAST.baud:,} baud; --baud {BOARD.baud} is the bitstream's design" in said
    assert "elaborate" not in said  # the tests' own process did that
    assert re.search(r"[\d,]+ bytes received, [\d,]+ sent\n$", said)


def test_bad_input():
    for arguments, why in (
        (["arty"], "board 'arty': unknown"),
        (["ulx3s-45f", "--baud", "10000000"], "--baud 10000000: use 1 to 9375000"),
    ):
        result = CliRunner().invoke(bitstreams_app, ["virtual", *arguments])
        assert result.exit_code == 2 and why in result.stderr, result.output
