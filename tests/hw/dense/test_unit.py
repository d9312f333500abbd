"""The dense unit against plain numpy: operands, segments, groups, bias, pooling, extremes, pace."""

import random
from dataclasses import replace
from functools import cache

import pytest
from borrowing import Borrowing
from dense_reference import WORDS, Command, memory, pack, pooling_command, random_command

from hw.spec.commands import Operand, Source
from hw.spec.configuration import CONFIGURATIONS
from sim.build import build_simulator, verilog
from sim.run import run_testbench

CONFIGURATIONS = {name: CONFIGURATIONS[name] for name in ("3x4x64-l8", "4x8x64-l16")} | {
    "two tokens": replace(CONFIGURATIONS["3x4x64-l8"], dense_tokens=2)
}
NAMES = tuple(CONFIGURATIONS)
DISTURBANCES = {
    "none": {},
    "denied": {"deny": 0.5},
    "starved": {"deny": 0.9, "late": 0.5},
    "stalled": {"stall": 0.4, "deny": 0.1, "late": 0.2},
    "taken": {"taken": 0.5},
    "pressed": {"taken": 0.8, "stall": 0.1, "deny": 0.4, "late": 0.2},
}
POOLS = (3, 5, 6, 16, 64)


@cache
def simulator(name: str):
    return build_simulator({"dense.v": verilog(Borrowing(CONFIGURATIONS[name]), "dense")}, "dense")


def run(name: str, commands, seed: int = 1, kinds=("random", "random"), **disturbance):
    """Simulate and check everything but cycles; gives the testbench's values.

    `kinds` are the contents of x and u memory, and of parameter memory.
    """
    c = CONFIGURATIONS[name]
    lanes = c.lanes
    x, u = (memory(WORDS[m], lanes, seed + i, kinds[0]) for i, m in enumerate("xu"))
    parameters = memory(WORDS["parameters"], lanes, seed + 2, kinds[1])
    got = run_testbench(
        simulator(name), "sim.testbenches.dense_unit",
        parameters={"deny": 0.0, "block": 0.0, "stall": 0.0, "late": 0.0, "taken": 0.0,
                    **disturbance, "seed": seed, "lanes": lanes,
                    "x": [pack(word) for word in x], "u": [pack(word) for word in u],
                    "parameters": [pack(word) for word in parameters],
                    "commands": [f"{command.record:x}" for command in commands]},
    ).values  # fmt: skip
    writes, traces, ends = [], [], []
    for command in commands:
        for address, word in command.expected(x, u, parameters):
            writes.append((address, int(pack(word), 16)))
            traces.append(command.tag | int(pack(word), 16) << 12)
        ends.append(len(writes))
    assert [(address, int(data, 16)) for _, address, data in got["writes"]] == writes
    assert [int(word, 16) for word in got["traces"]] == traces
    assert got["done"] == [got["writes"][end - 1][0] + 1 for end in ends]
    products = sum(
        (command.steps - 2 * command.f["bias"]) * command.turns(c) * command.f["groups"]
        for command in commands
    )
    assert len(got["busy"]) == products
    return got


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("name", NAMES)
def test_random_commands(name, disturbance):
    chance = random.Random(f"{name} {disturbance}")
    commands = [random_command(chance, i + 1, CONFIGURATIONS[name].lanes) for i in range(40)]
    assert {c.f["operand"] for c in commands} == set(Operand)
    run(name, commands, **DISTURBANCES[disturbance])


@pytest.mark.parametrize("disturbance", DISTURBANCES)
@pytest.mark.parametrize("name", NAMES)
def test_channel_pooling(name, disturbance):
    lanes = CONFIGURATIONS[name].lanes
    commands = [pooling_command(m, lanes, m, source=Source.U) for m in POOLS[:4]]
    commands.append(pooling_command(64, lanes, 64, tokens=1))
    commands.append(Command(65, operand=Operand.VALUE, pairs=7, tokens=2, token=3, shift=9))
    commands.append(pooling_command(66, lanes, 3))
    run(name, commands, **DISTURBANCES[disturbance])


@pytest.mark.parametrize("kind", ["extreme", "lowest", "highest"])
@pytest.mark.parametrize("name", NAMES)
def test_pooled_means_of_extremes(name, kind):
    lanes = CONFIGURATIONS[name].lanes
    commands = [pooling_command(m, lanes, m, tokens=2, groups=1) for m in POOLS]
    # A mean cannot leave VALUE; a sum that is shifted less saturates.
    commands += [Command(99, **{**pooling_command(5, lanes, 5).f, "shift": 1})]
    run(name, commands, kinds=(kind, "random"))


@pytest.mark.parametrize("weights", ["extreme", "low_bytes", "high_bytes"])
@pytest.mark.parametrize("values", ["extreme", "lowest", "highest", "pixel_zero", "low_bytes"])
@pytest.mark.parametrize("name", NAMES)
def test_extreme_sums(name, values, weights):
    commands = [
        Command(
            1 + i, operand=operand, pairs=pairs, shift=shift, bias=bias, tokens=2, token=9, groups=2
        )
        for i, (operand, pairs, shift, bias) in enumerate(
            (operand, pairs, shift, bias)
            for operand in Operand
            for pairs in (1, 2, 300)
            for shift, bias in ((0, 0), (7, 0), (0, 1))
        )
    ]
    run(name, commands, kinds=(values, weights))


@pytest.mark.parametrize("name", NAMES)
def test_normed_bounds(name):
    """Operands at and one beyond the bounds of NORMED."""
    command = Command(1, operand=Operand.NORMED, pairs=24, tokens=8, token=6, shift=1)
    run(name, [command], kinds=("normed", "random"))


@pytest.mark.parametrize("bias", [0, 1])
@pytest.mark.parametrize("values", ["lowest", "highest"])
def test_sums_wrap(values, bias):
    """-32768 * -128 * 1040 exceeds 2**31: the sum is kept modulo 2**32."""
    command = Command(1, operand=Operand.VALUE, pairs=520, segments=1, bias=bias, shift=12)
    run("3x4x64-l8", [command], kinds=(values, "low_bytes"))


@pytest.mark.parametrize(
    "fields",
    [
        {"operand": Operand.PIXEL, "pairs": 74, "token": 10, "shift": 8},
        {"operand": Operand.PIXEL, "pairs": 13, "token": 2, "shift": 4},
        {"operand": Operand.PIXEL, "pairs": 10, "token": 2, "shift": 12},
        {"operand": Operand.NORMED, "pairs": 24, "segments": 2, "segment": 60, "token": 3},
        {"operand": Operand.NORMED, "pairs": 16, "bias": 1, "token": 3},
        {"operand": Operand.NORMED, "pairs": 3, "segments": 5, "segment": 3, "shift": 2},
        {"operand": Operand.PIXEL, "pairs": 6, "token": 1, "shift": 9},
        {"operand": Operand.PIXEL, "pairs": 3, "token": 1, "shift": 31},
        {"operand": Operand.VALUE, "pairs": 32, "bias": 1, "token": 8},
        {"operand": Operand.VALUE, "pairs": 2, "bias": 1, "token": 1},
        {"operand": Operand.VALUE, "pairs": 12, "pool": 3, "token": 3, "shift": 2},
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_pace(name, fields):
    """The formula in the docstring of :class:`hw.dense.unit.Dense`."""
    lanes = CONFIGURATIONS[name].lanes
    if "pool" in fields:
        fields = {**fields, "pairs": lanes * fields["pool"] // 2}
    command = Command(1, tokens=4, groups=2, parameter_group=100, destination_token=9, **fields)
    got = run(name, [command, command])
    taken = [d - a for d, a in zip(got["done"], got["accepted"], strict=True)]
    assert taken == [command.cycles(CONFIGURATIONS[name])] * 2
    assert got["accepted"][1] == got["done"][0]


@pytest.mark.parametrize("bias", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_sums_wait_for_blocked_writes(name, bias):
    command = Command(1, pairs=3, tokens=60, token=1, shift=3, bias=bias, destination_token=2)
    run(name, [command], block=0.9)
    run(name, [command], block=0.9, taken=0.3)


@pytest.mark.parametrize("name", NAMES)
def test_every_free_cycle_is_used(name):
    command = Command(1, pairs=48, tokens=6, token=5, shift=5)
    got = run(name, [command], taken=0.6)
    first, last = got["busy"][0], got["busy"][-1]
    assert last - first + 1 == len(got["busy"]) + sum(first < t < last for t in got["taken"])
