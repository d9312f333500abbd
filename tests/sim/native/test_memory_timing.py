"""Parameters of the external memory: what is refused, and how."""

import pytest

from sim.native import PRESETS, MemoryTiming, MemoryTimingError
from sw.cycles.memory import memory_timing


def test_presets_are_found_by_name_and_unknown_ones_listed():
    assert memory_timing("ideal") == MemoryTiming(latency=16, beats=1, cycles=1)
    assert memory_timing(PRESETS["ddr3"]) is PRESETS["ddr3"]
    with pytest.raises(MemoryTimingError, match=r"'hbm': unknown; choose one of ideal, on-chip"):
        memory_timing("hbm")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"latency": 0}, r"latency=0 is below 1"),
        ({"beats": 0}, r"beats=0 is below 1"),
        ({"beats": 3, "cycles": 2}, r"beats=3 is above cycles=2"),
        ({"open_cycles": -1}, r"open_cycles=-1 is negative"),
        ({"refresh_interval": 9, "refresh_cycles": 9}, r"refresh_cycles=9 is not below"),
    ],
)
def test_impossible_timings_are_refused(members, message):
    with pytest.raises(MemoryTimingError, match=message):
        MemoryTiming(**members)


def test_least_cycles():
    assert MemoryTiming().least_cycles(1000, 10) == 1000
    assert MemoryTiming(beats=2, cycles=3).least_cycles(1000, 10) == 1500
    assert MemoryTiming(row_beats=10, open_cycles=2).least_cycles(100, 4) == 120
    assert MemoryTiming(refresh_interval=10, refresh_cycles=5).least_cycles(100, 1) == 200
