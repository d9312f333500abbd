"""AxiMemory against cocotbext-axi's memory: data, order of reads and writes, boundaries, errors."""

import random

import pytest

from hw.bus import AxiMemory
from sim.build import build_simulator, verilog
from sim.run import run_testbench

TESTBENCH = "sim.testbenches.axi_memory"
BASE = 0x8000
BEATS = (1 << 20) // 16 - BASE // 16
"""Beats of the testbench's memory above the base."""


@pytest.fixture(scope="module")
def simulator():
    text = verilog(AxiMemory(address_bits=24, base=BASE), "axi_memory")
    return build_simulator({"axi_memory.v": text}, "axi_memory")


def run(simulator, bursts, *, pause=0.0, seed=4, broken=False):
    plan = {
        "bursts": bursts, "pause": pause, "seed": seed, "base": BASE, "broken": broken,
        "timeout_cycles": 100_000,
    }  # fmt: skip
    return run_testbench(simulator, TESTBENCH, parameters=plan, seed=seed).values


@pytest.mark.parametrize("pause", [0.0, 0.3, 0.8])
def test_random_bursts_meet_across_boundaries(simulator, pause):
    chance = random.Random(pause)
    starts = [0, 200, 250, 255, 256, 500, BEATS - 300]
    bursts = [
        [chance.randrange(2), chance.choice(starts) + chance.randrange(8), chance.randint(1, 40)]
        for _ in range(100)
    ]
    assert not run(simulator, [*bursts, [1, 100, 600], [0, 90, 620]], pause=pause)["error"]


def test_reads_follow_each_other_without_a_gap(simulator):
    assert run(simulator, [[0, 32 * index, 32] for index in range(32)])["cycles"] <= 1.1 * 32 * 32


def test_an_answer_with_an_error_is_seen(simulator):
    assert not run(simulator, [[0, 7, 4]])["error"]
    assert run(simulator, [[0, 7, 4]], broken=True)["error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"address_bits": 16}, "address_bits=16"), ({"base": 100}, "base=0x64 is not a multiple")],
)
def test_impossible_addresses_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AxiMemory(**arguments)
