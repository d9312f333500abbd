"""The external memory: latency, order, throughput, back-pressure, stalls, and its files."""

from pathlib import Path

import numpy as np
import pytest

from sim.build import build_simulator
from sim.build.simulator import RTL
from sim.errors import SimulationError
from sim.memory_file import read_memory, write_memory
from sim.run import run_testbench

DEPTH, LATENCY, WIDTH = 256, 16, 128


@pytest.fixture(scope="module")
def simulator():
    return build_simulator(
        {"external_memory.v": (RTL / "external_memory.v").read_text()},
        "external_memory",
        options=[f"-GDEPTH={DEPTH}"],
    )


@pytest.fixture
def contents(tmp_path) -> np.ndarray:
    beats = np.random.default_rng(3).integers(0, 256, (DEPTH, WIDTH // 8), dtype=np.uint8)
    write_memory(tmp_path / "memory.hex", beats)
    return beats


def run(simulator, folder: Path, requests, write_data=(), pause=0.0, stall=0.0):
    plan = {
        "requests": requests, "write_data": [beat[::-1].tobytes().hex() for beat in write_data],
        "pause": pause, "stall": stall, "seed": 9, "timeout_cycles": 5000,
    }  # fmt: skip
    plusargs = [f"+memory={folder}/memory.hex", f"+dump={folder}/dump.hex"]
    module = "external_memory_testbench"
    return run_testbench(simulator, module, parameters=plan, plusargs=plusargs).values


def as_beats(words: list[str]) -> np.ndarray:
    rows = [list(int(word, 16).to_bytes(WIDTH // 8, "little")) for word in words]
    return np.array(rows, dtype=np.uint8)


def test_a_read_takes_the_latency_and_then_a_beat_a_cycle(simulator, contents, tmp_path):
    got = run(simulator, tmp_path, [[0, 10, 20]])
    assert got["read"] == [got["accepted"][0] + LATENCY + i for i in range(20)]
    np.testing.assert_array_equal(as_beats(got["read_data"]), contents[10:30])


def test_queued_bursts_follow_without_a_bubble(simulator, contents, tmp_path):
    got = run(simulator, tmp_path, [[0, 16 * i, 16] for i in range(12)])
    assert got["accepted"][:9] == [*range(8), LATENCY + 16]  # the queue holds 8
    assert got["read"] == list(range(LATENCY, LATENCY + 192))
    np.testing.assert_array_equal(as_beats(got["read_data"]), contents[:192])


@pytest.mark.parametrize(("pause", "stall"), [(0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5)])
def test_reads_and_writes_are_served_in_order(simulator, contents, tmp_path, pause, stall):
    new = np.random.default_rng(4).integers(0, 256, (9, WIDTH // 8), dtype=np.uint8)
    requests = [[0, 0, 8], [1, 2, 5], [0, 0, 8], [1, 200, 4], [0, 199, 6], [1, 0, 1], [0, 0, 1]]
    new = np.concatenate([new, new[:1] ^ 255])
    got = run(simulator, tmp_path, requests, new, pause, stall)
    after = contents.copy()
    after[2:7], after[200:204] = new[:5], new[5:9]
    expected = np.concatenate([contents[:8], after[:8], after[199:205], new[9:]])
    np.testing.assert_array_equal(as_beats(got["read_data"]), expected)
    after[0] = new[9]
    np.testing.assert_array_equal(read_memory(tmp_path / "dump.hex", WIDTH), after)
    assert (got["beats_read"], got["beats_written"]) == (23, 10)
    assert not set(got["read"]) & set(got["written"])  # one beat a cycle in all


def test_a_request_past_the_end_is_fatal(simulator, contents, tmp_path):
    with pytest.raises(SimulationError, match="beats 0xfe to 0x101 asked for, DEPTH is 0x100"):
        run(simulator, tmp_path, [[0, 254, 4]])
