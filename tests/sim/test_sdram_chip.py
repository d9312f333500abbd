"""The SDRAM model refuses what a chip does not allow: order, states of banks, data pins."""

import pytest

from sim.build import build_simulator
from sim.build.simulator import RTL
from sim.errors import SimulationError
from sim.run import run_testbench

ALL = 1 << 10
MODE = 0x23
POWER_UP = 20_001
READY = [
    [POWER_UP, "precharge", 0, ALL, 0],
    *[[8, "refresh", 0, 0, 0]] * 8,
    [8, "mode", 0, MODE, 0],
]
OPEN = [*READY, [4, "activate", 1, 77, 0]]


@pytest.fixture(scope="module")
def simulator():
    return build_simulator({"sdram.v": (RTL / "sdram.v").read_text()}, "sdram")


def run(simulator, commands):
    return run_testbench(
        simulator, "sdram_chip_testbench", parameters={"commands": commands}
    ).values


def test_what_is_allowed(simulator):
    commands = [
        *OPEN,
        [4, "read", 1, 8, 0],
        [7, "read", 1, 16, 0],
        [10, "write", 1, 24, 8],
        [0, "read", 1, 24, 0],
        [9, "precharge", 1, 0, 0],
        [2, "activate", 1, 78, 0],
        [10, "precharge", 0, ALL, 0],
        [4, "refresh", 0, 0, 0],
    ]
    assert run(simulator, commands) == {"ready": True, "words": 32}


REFUSED = {
    "a command before the supply is stable": [[100, "precharge", 0, ALL, 0]],
    "a command before the mode register is set": [[POWER_UP, "activate", 0, 0, 0]],
    "REFRESH and a bank is open": [[POWER_UP, "refresh", 0, 0, 0]],
    "the mode register is set before the refreshes": [*READY[:8], READY[-1]],
    "a mode that is not eight columns in order": [*READY[:-1], [8, "mode", 0, 0x22, 0]],
    "a CAS latency that is not 2 or 3": [*READY[:-1], [8, "mode", 0, 0x13, 0]],
    "SET MODE and a bank is open": [*OPEN, [4, "mode", 0, MODE, 0]],
    "ACTIVATE of an open bank": [*OPEN, [9, "activate", 1, 78, 0]],
    "a column command and the bank is closed": [*OPEN, [4, "read", 2, 0, 0]],
    "a burst is cut off": [*OPEN, [4, "read", 1, 0, 0], [6, "read", 1, 8, 0]],
    "PRECHARGE cuts a burst off": [*OPEN, [4, "read", 1, 0, 0], [6, "precharge", 1, 0, 0]],
    "PRECHARGE breaks tWR": [*OPEN, [4, "write", 1, 0, 8], [0, "precharge", 1, 0, 0]],
    "PRECHARGE breaks tRAS": [*OPEN, [3, "precharge", 1, 0, 0]],
    "the data pins are driven": [*OPEN, [4, "read", 1, 0, 0], [8, "write", 1, 8, 8]],
    "WRITE and no data on the pins": [*OPEN, [4, "write", 1, 0, 7]],
    "automatic precharge is not modelled": [*OPEN, [4, "read", 1, ALL, 0]],
    "refreshes are late": [*READY, [7100, "nop", 0, 0, 0]],
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not(simulator, message):
    with pytest.raises(SimulationError, match=f"sdram: {message}"):
        run(simulator, REFUSED[message])
