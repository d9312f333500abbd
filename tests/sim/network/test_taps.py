"""Commands and their beats in programs whose tags wrap."""

from types import SimpleNamespace

import numpy as np
import pytest

from hw.spec import find_configuration
from hw.spec.commands import Engine, Opcode
from sim.block.top import tap_bits
from sim.errors import SimulationError
from sim.network.taps import NetworkTaps, completion_cycles

CONFIGURATION = find_configuration("3x4x64-l8")
COUNT = 10_000
GRID_EVERY = 7
"""One in so many commands is a GRID, the others are PASS: both show beats of the same tags."""


def program():
    operations = [
        SimpleNamespace(
            tag=i % 4096,
            opcode=Opcode.PASS if i % GRID_EVERY else Opcode.GRID,
            engine=Engine.MAIN if i % GRID_EVERY else Engine.POOL,
            block="",
            layer=f"l{i}",
        )
        for i in range(COUNT)
    ]
    return SimpleNamespace(configuration=CONFIGURATION, operations=operations)


class FakeSimulator:
    """Command i shows beats i of both its taps in cycles 10 i and 10 i + 9, its last one."""

    def __init__(self, operations):
        self.operations = operations

    def completions(self):
        return [(10 * i + 9, o.engine, o.tag) for i, o in enumerate(self.operations)]

    def raw_trace(self, tap):
        engine = {"lanes": Engine.MAIN, "grid": Engine.POOL}.get(tap)
        mine = [i for i, o in enumerate(self.operations) if o.engine is engine]
        data = np.zeros((2 * len(mine), -(-tap_bits(CONFIGURATION)[tap] // 8)), np.uint8)
        tags = np.repeat([self.operations[i].tag for i in mine], 2).astype(np.int64)
        number = np.repeat(mine, 2).astype(np.int64) << 12 | tags
        for byte in range(min(4, data.shape[1])):
            data[:, byte] = number >> 8 * byte & 0xFF
        cycles = [10 * i + late for i in mine for late in (0, 9)]
        return np.array(cycles, np.int64), data


def test_beats_of_wrapped_tags_go_to_their_commands():
    p = program()
    taps = NetworkTaps(p, FakeSimulator(p.operations))
    for i in [*range(0, COUNT, 97), 1, 4097, 8193, 7, 4103]:
        o = p.operations[i]
        tap, field = ("grid", "mean") if o.engine is Engine.POOL else ("lanes", "s")
        values = taps.fields(tap, o)[field]
        bits = 16 if tap == "grid" else 20
        assert values.shape[0] == 2
        assert (values[:, 0] & (1 << bits) - 1).tolist() == [i, i]


def test_a_completion_of_another_command_is_refused():
    operations = program().operations
    completions = FakeSimulator(operations).completions()
    assert completion_cycles(operations, completions)[5000] == 50_009
    completions[4200] = (42_009, Engine.MAIN, 3)
    with pytest.raises(SimulationError, match=r"engine POOL|engine MAIN: tag 3, expected tag 104"):
        completion_cycles(operations, completions)
    with pytest.raises(SimulationError, match="nothing, expected tag"):
        completion_cycles(operations, FakeSimulator(operations).completions()[:-1])
