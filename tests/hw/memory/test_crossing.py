"""The SDRAM controller at twice its client's clock: data, and what is left of the bandwidth."""

import pytest

from hw.memory.sdram import SLOW_16X16M, SdramTiming
from tests.hw.memory.test_sdram import build, random_bursts, reads, run

TIMING = SdramTiming(SLOW_16X16M, 100_000_000)
CYCLES_A_BEAT = 4
"""Of the client's clock."""


@pytest.fixture(scope="module")
def simulator():
    return build(TIMING, ratio=2)


@pytest.mark.parametrize(("pause", "stop"), [(0.0, 0.0), (0.9, 0.0), (0.3, 0.0005)])
def test_random_bursts_with_pauses(simulator, pause, stop):
    run(simulator, random_bursts(400, 21), pause=pause, stop=stop, ratio=2)


def test_a_long_burst_and_a_train_of_bursts_lose_refreshes_only(simulator):
    least = 1 - 16 / TIMING.refresh_interval
    for bursts in ([[0, 5, 1500]], reads(48, 32, 32)):
        got = run(simulator, bursts, ratio=2)
        beats = sum(burst[2] for burst in bursts)
        cycles = got["read_at"][-1] - got["read_at"][0]
        assert CYCLES_A_BEAT * (beats - 1) / cycles >= least


def test_the_first_beat_of_an_idle_memory(simulator):
    got = run(simulator, reads(20, 1, 1), gap_cycles=60, ratio=2)
    latencies = [at - asked for at, asked in zip(got["read_at"], got["accepted"], strict=True)]
    assert 11 <= sorted(latencies)[10] <= 13
