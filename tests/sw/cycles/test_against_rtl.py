"""The cycle model against the simulated gateware: networks and blocks, fast and slow memories."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hw.spec import find_configuration
from hw.spec.registers import REGISTERS
from sim.native import NativeSimulator
from sim.report.commands import LONG, spans
from sw.compiler.schedule import network_program, schedule_block
from sw.compiler.schedule.image import block_image
from sw.cycles import array, dense, lanes, pooling, port, transfers
from sw.cycles.batch import batched, shares, weight_beats
from sw.cycles.memory import MemoryTiming
from sw.cycles.model import predict
from tests.random_block import random_block
from tests.sw.compiler.test_network_schedule import packed_model

CONFIGURATION = find_configuration("3x4x64-l8")
WHOLE, COMMAND = 0.005, 0.05
"""Most deviation of a run's cycles, and of a command's that takes more than LONG."""
HALF = MemoryTiming(latency=40, beats=1, cycles=2)

COUNTED = ("load_beats", "store_beats", "array_busy", "lanes_busy", "pool_busy", "dense_busy")
"""Counters that are work and no estimate."""

NETWORKS = [
    ("ratios", "ideal"),  # pools channels in the dense unit
    ("class_token", "ideal"),  # tokens of few steps in the dense unit
    ("spilled", "ideal"),  # x passes the port in rows: loads and stores beside the branches
    ("real", HALF),  # embeddings in the dense unit
    ("mean", "sdr-sdram"),
]
BLOCKS = [
    (16, 64, 256, 1, 4),
    (14, 96, 192, 3, 1),
    (7, 128, 512, 4, 1),
]
"""side, channels, hidden, heads, reduction."""


def simulate(words, program, memory):
    """(registers, completions) of the gateware; no picture, for cycles depend on no value."""
    simulator = NativeSimulator(program.configuration, memory)
    try:
        simulator.write(0, program.memory)
        commands = b"".join(word.to_bytes(64, "little") for word in words)
        simulator.write(program.start, np.frombuffer(commands, np.uint64).reshape(-1, 2))
        if getattr(program, "preload", None):
            simulator.start(program.preload_start)
            assert simulator.run(1_000_000).done
        simulator.start(program.start)
        assert simulator.run(10_000_000).done
        registers = {name: simulator.register(name) for name in REGISTERS}
        return registers, simulator.completions()
    finally:
        simulator.close()


@cache
def network(name, memory):
    program = network_program(packed_model(name), CONFIGURATION)
    return program, *simulate(program.words, program, memory)


@cache
def block(*shape):
    program = schedule_block(block_image(random_block(*shape), 1, 0), CONFIGURATION)
    return program, *simulate(program.words, program, "ideal")


def deviations(program, registers, completions, memory):
    """Of the whole run, and of every long command: (layer, measured, predicted, part)."""
    prediction = predict(program.words, CONFIGURATION, memory, program.start)
    measured = spans(program, completions).cycles
    predicted = spans(program, prediction.completions).cycles
    long = [
        (program.operations[i].layer, measured[i], predicted[i], predicted[i] / measured[i] - 1)
        for i in np.flatnonzero(measured > LONG)
    ]
    return prediction, prediction.cycles / registers["cycles"] - 1, long


def wrong(long):
    """Of `long`, what deviates by more than it may."""
    return [entry for entry in long if abs(entry[3]) > COMMAND]


def check(program, registers, completions, memory):
    prediction, whole, long = deviations(program, registers, completions, memory)
    assert abs(whole) <= WHOLE, (registers["cycles"], prediction.cycles)
    assert long, "no command is long enough to be judged"
    assert wrong(long) == []
    exact = {name: count for name, count in prediction.counters.items() if name in COUNTED}
    assert exact == {name: registers[name] for name in exact}
    order = [(engine, tag) for _, engine, tag in sorted(completions, key=lambda c: c[1])]
    assert order == [
        (engine, tag) for _, engine, tag in sorted(prediction.completions, key=lambda c: c[1])
    ]


@pytest.mark.parametrize(("name", "memory"), NETWORKS)
def test_a_network_takes_what_is_predicted(name, memory):
    check(*network(name, memory), memory)


@pytest.mark.parametrize("shape", BLOCKS)
def test_a_block_takes_what_is_predicted(shape):
    check(*block(*shape), "ideal")


@pytest.mark.parametrize(
    ("where", "name", "change", "case"),
    [
        (array, "FIFO", 20, ("ratios", "ideal")),
        (lanes, "SETS", -6, ("ratios", "ideal")),
        (pooling, "BRANCH_MOVE", 8, BLOCKS[0]),
        (dense, "DENSE_AHEAD", -1, ("ratios", "ideal")),
        (transfers, "LOAD_FLIGHT", -32, ("real", HALF)),
        (port, "PORT_QUEUE", -7, ("real", HALF)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_wrong_constant_is_seen(monkeypatch, where, name, change, case):
    run, memory = (block(*case), "ideal") if case in BLOCKS else (network(*case), case[1])
    monkeypatch.setattr(where, name, getattr(where, name) + change)
    _, whole, long = deviations(*run, memory)
    assert abs(whole) > WHOLE or wrong(long)


def test_the_average_picture_of_a_batch():
    """Its cycles, too, are those of the gateware that runs the same program."""
    program, registers, _ = network("mean", "sdr-sdram")
    packed = packed_model("mean")
    parts = shares(program, packed.model, 4, carried=False)
    words = batched(program, parts)
    simulated, _ = simulate(words, program, "sdr-sdram")
    prediction = predict(words, CONFIGURATION, "sdr-sdram", program.start)
    assert prediction.cycles == pytest.approx(simulated["cycles"], rel=WHOLE)
    saved = registers["load_beats"] - simulated["load_beats"]
    all_of_it = sum(weight_beats(program, stage) for stage in parts)
    assert saved == pytest.approx(all_of_it * 3 / 4, rel=0.02)
