"""The bitstream's RTL behind a pseudo-terminal, with the driver as a board has it."""

import os
import random
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from hw.spec import find_configuration
from sim.board import VirtualBoard
from sw.cli.app import app
from sw.compiler.schedule import network_program
from sw.driver import Accelerator, DeviceError, DeviceTimeout, DriverError, IdentityError
from sw.driver.serial import SerialLine, SerialTransport
from sw.driver.session import Session
from sw.files import DEFAULT_MODEL, InputError, load_model
from tests.sim.native.copy_program import (
    DESTINATION,
    PROGRAM,
    SOURCE,
    contents,
    copy_program,
)
from tests.sw.driver.link_device import Faults

CONFIGURATION = "3x4x64-l8"
C = find_configuration(CONFIGURATION)
PICTURES = ["sw/models/pictures/00.png", "sw/models/pictures/01.png"]
PICTURE = PICTURES[0]


@pytest.fixture(scope="module")
def board():
    """One board for tests that leave it as it was."""
    with VirtualBoard(CONFIGURATION) as board:
        yield board


@pytest.fixture
def transport(board):
    transport = SerialTransport(C, board.port)
    yield transport
    transport.close()


def command(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "100"})


def test_the_shipped_model_classifies_with_goldens_logits():
    golden = command("classify", *PICTURES)
    beats = network_program(load_model(DEFAULT_MODEL), C).memory.shape[0]
    with VirtualBoard(C) as board:
        backend = f"serial:{board.port}"
        ended = SerialTransport(C, board.port)  # of a process that is ended while a program runs
        ended.write(PROGRAM, copy_program(C, 64, 16)[4 * 64 // 16 :])
        ended.start(PROGRAM)
        assert ended.registers()["status"] != 0
        ended.close()
        result = command("classify", *PICTURES, "--backend", backend)  # asks for the configuration
        assert result.exit_code == 0, result.output
        done = board.close()
    shown = golden.stdout.splitlines()
    assert result.stdout.splitlines()[: len(shown)] == shown  # raw logits, too
    assert "cycles a picture" in result.stdout
    assert " KiB" in result.stderr  # progress
    # Framing takes less than 3 bytes of 100; pictures, registers and a few repeats are the rest.
    assert 16 * beats < done.received < 1.03 * 16 * beats + 40_000
    assert done.core_cycles < done.cycles / 20


def test_faults_in_both_directions_give_the_right_answer_or_an_error(board):
    ended = [right_answers_or_an_error(board, seed) for seed in range(4)]
    assert sum(ended) >= 3, ended  # or the end of a session was hardly tested


def right_answers_or_an_error(board, seed):
    """Whether a session over a bad line came to its end."""
    ended = False
    data = np.frombuffer(random.Random(seed).randbytes(16 * 500), np.uint64).reshape(-1, 2)
    line = SpoiltLine(board.port, seed, 5e-4)
    transport = SerialTransport.__new__(SerialTransport)
    transport._line, transport._report = line, lambda _: None
    transport.session = Session(line, timeout_s=0.2)
    try:
        transport.session.greet()
        transport.write(100, data)
        assert transport.first_difference(100, data) is None
        assert (transport.read(100, 500) == data).all()
        copied = contents(C.lane_beats * 64, seed)
        transport.write(SOURCE, copied)
        transport.write(PROGRAM, copy_program(C, 64, 16))
        for _ in range(8):
            transport.write(DESTINATION, np.zeros_like(copied))
            transport.start(PROGRAM)
            transport.wait(100_000)
            assert (transport.read(DESTINATION, len(copied)) == copied).all()
        ended = True
    except DeviceError as error:
        assert "no answer to" in str(error)
    finally:
        line.close()
    assert line.faults > 0
    # Whatever was left on the line, a new session finds memory and registers.
    transport = SerialTransport(C, board.port)
    transport.write(100, data)
    assert transport.first_difference(100, data) is None
    changed = data.copy()
    changed[321, 1] ^= np.uint64(1 << 40)
    assert transport.first_difference(100, changed) == 321
    transport.close()
    return ended


class SpoiltLine(SerialLine):
    """A port with faults and pauses in both directions."""

    def __init__(self, port, seed, rate):
        super().__init__(port, 1_000_000)
        self._there, self._back = Faults(seed, rate), Faults(seed + 100, rate)
        self._chance = random.Random(seed)

    @property
    def faults(self):
        return self._there.number + self._back.number

    def write(self, data):
        if self._chance.random() < 0.1:
            half = len(data) // 2
            super().write(self._there(data[:half]))
            time.sleep(0.05)
            data = data[half:]
        super().write(self._there(data))

    def read(self, timeout_s):
        return self._back(super().read(timeout_s))


def test_another_configuration_is_refused_and_nothing_is_sent(board):
    with Accelerator.open(f"serial:{board.port}", "4x8x64-l16") as device:
        with pytest.raises(IdentityError, match=r"geometry register .*; open it with 3x4x64-l8$"):
            device.load(DEFAULT_MODEL)
        assert device.identity().geometry & 0xFF == 3
    result = command(
        "classify", PICTURE, "--backend", f"serial:{board.port}", "--config", "4x8x64-l16"
    )
    assert result.exit_code == 2
    assert result.stderr.startswith("classify: device: geometry register is ")


def test_a_program_that_waits_for_ever_is_given_up_and_reset_ends_it(transport):
    beats = C.lane_beats * 64
    data = contents(beats, 1)
    program = copy_program(C, 64, 16)
    transport.write(
        PROGRAM, program[4 * 64 // 16 :]
    )  # the STORE waits for LOADs that are not there
    transport.start(PROGRAM)
    with pytest.raises(DeviceError, match=r"WRITE_REGISTER at 0x4 refused: a program runs"):
        transport.start(PROGRAM)
    with pytest.raises(DeviceTimeout, match=r"not done after 3000 cycles"):
        transport.wait(3000)
    transport.reset()
    with pytest.raises(DeviceError, match=r"no program runs"):
        transport.wait(1)
    transport.write(SOURCE, data)
    transport.write(PROGRAM, program)
    transport.start(PROGRAM)
    transport.wait(100_000)
    assert (transport.read(DESTINATION, beats) == data).all()


def test_memory_is_reached_while_a_program_runs_and_reset_ends_it_anywhere(transport):
    words = 2048
    beats = C.lane_beats * words
    data = contents(beats, 2)
    program = copy_program(C, words, 64)
    transport.write(SOURCE, data)
    transport.write(PROGRAM, program)
    for attempt in range(4):
        transport.write(DESTINATION, np.zeros((beats, 2), np.uint64))
        transport.start(PROGRAM)
        transport.read(SOURCE, attempt)  # takes some time, and the port
        transport.reset()
        assert transport.registers()["status"] == 0
        assert (transport.read(SOURCE + 40, 40) == data[40:80]).all()
    transport.start(PROGRAM)
    assert (transport.read(SOURCE, 8) == data[:8]).all()
    transport.wait(1_000_000)
    assert transport.first_difference(DESTINATION, data) is None


def test_beats_outside_memory_are_not_asked_for(transport):
    with pytest.raises(DriverError, match=r"outside its memory of 2097152; use a smaller model"):
        transport.write((1 << 21) - 1, np.zeros((2, 2), np.uint64))


def test_a_pulled_cable_is_an_error_and_the_next_board_works():
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    board = VirtualBoard(CONFIGURATION)
    device = Accelerator.open(f"serial:{board.port}", CONFIGURATION)
    device.identity()
    board.pull()
    with pytest.raises(DeviceError, match=r"serial port /dev/\S+: lost"):
        device.load(DEFAULT_MODEL)
    with pytest.raises(DriverError):
        device.run(picture)
    with pytest.raises(InputError, match=r"serial port /dev/\S+: "):
        device.reset()
    device.close()
    with (
        VirtualBoard(CONFIGURATION) as board,
        Accelerator.open(f"serial:{board.port}", CONFIGURATION) as device,
    ):
        assert device.identity().geometry & 0xFF == 3


def test_a_port_that_is_held_or_absent_or_none(board, tmp_path):
    held = SerialLine(board.port, 115_200)
    result = command("classify", PICTURE, "--backend", f"serial:{board.port}")
    assert result.exit_code == 2
    assert "held by another program" in result.stderr
    held.close()
    result = command("classify", PICTURE, "--backend", "serial:/dev/ttyUSB77")
    assert result.exit_code == 2
    assert "serial port /dev/ttyUSB77: there is none of that name" in result.stderr
    plain = tmp_path / "file"
    plain.write_text("")
    result = command("classify", PICTURE, "--backend", f"serial:{plain}")
    assert result.exit_code == 2 and "cannot be used as a serial port" in result.stderr
    for bad, why in (
        ("serial", "name the port"), ("serial:", "name the port"),
        ("serial:/dev/x?baud=fast", "baud=fast is no rate"),
        ("serial:/dev/ptmx?baud=99999999999999", "99999999999999 baud is no rate of it"),
        ("serial:/dev/x?speed=1", "option speed is unknown"), ("golden:x", "takes no option"),
    ):  # fmt: skip
        result = command("classify", PICTURE, "--backend", bad)
        assert result.exit_code == 2 and why in result.stderr, result.output


def test_a_boards_memory_is_its_own(board):
    result = command("classify", PICTURE, "--backend", f"serial:{board.port}", "--memory", "ideal")
    assert result.exit_code == 2
    assert "memory=ideal is for the backend sim; a board has its own" in result.stderr


def test_nobody_answers():
    master, slave = os.openpty()
    with pytest.raises(DeviceError, match=r"no answer to HELLO .* after 3 tries; check cable"):
        SerialTransport(C, os.ttyname(slave), timeout_s=0.01)
    os.close(master)
    os.close(slave)
