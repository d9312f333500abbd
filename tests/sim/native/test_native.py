"""The native simulator against cocotb's and golden; memory timing; resets; processes that fail."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest
import torch

from hw.spec import find_configuration
from hw.spec.commands import Engine
from hw.spec.registers import IDENTITY, REGISTERS
from sim.block.compare import compare, describe
from sim.block.simulate import simulate
from sim.block.tensors import observe
from sim.errors import SimulationError, SimulationTimeoutError
from sim.native import PRESETS, MemoryTiming, NativeSimulator
from sim.native.child import Child
from sim.native.simulator import MEMORY_BEATS
from sw.compiler.schedule import schedule_block
from sw.compiler.schedule.image import block_image
from sw.golden.block import run_block
from tests.random_block import NAME, random_block, random_values
from tests.sim.native.copy_program import (
    DESTINATION,
    PROGRAM,
    SOURCE,
    contents,
    copy_program,
)

CONFIGURATION = find_configuration("3x4x64-l8")
LIMIT = 1_000_000


@pytest.fixture(scope="module")
def simulator():
    simulator = NativeSimulator(CONFIGURATION)
    yield simulator
    simulator.close()


@pytest.fixture
def open_simulator():
    """Opens simulators that are closed at the end."""
    opened = []

    def open_one(*arguments, **options):
        opened.append(NativeSimulator(CONFIGURATION, *arguments, **options))
        return opened[-1]

    yield open_one
    for simulator in opened:
        simulator.close()


def run_copy(simulator, words, burst, seed=0) -> int:
    """Cycles of a copy whose result is checked."""
    data = contents(words * CONFIGURATION.lane_beats, seed)
    simulator.write(PROGRAM, copy_program(CONFIGURATION, words, burst))
    simulator.write(SOURCE, data)
    simulator.write(DESTINATION, np.zeros_like(data))
    simulator.start(PROGRAM)
    assert simulator.run(LIMIT).done
    np.testing.assert_array_equal(simulator.read(DESTINATION, len(data)), data)
    return simulator.register("cycles")


def registers(simulator) -> dict[str, int]:
    return {name: simulator.register(name) for name in REGISTERS}


@pytest.mark.parametrize("shape", [(6, 64, 128, 2, 2), (40, 32, 32, 1, 8)])
def test_a_block_runs_as_under_cocotb_and_as_golden(shape, tmp_path, open_simulator):
    packed = random_block(*shape, seed=5)
    x = random_values(shape[0], shape[1], 5)
    trace: dict[str, torch.Tensor] = {}
    run_block(packed, 1, 0, torch.from_numpy(x), trace)
    golden = {key.removeprefix(f"{NAME}."): value.numpy() for key, value in trace.items()}
    del golden["x"]
    image = block_image(packed, 1, 0)
    program = schedule_block(image, CONFIGURATION)
    expected = simulate(program, image, x)

    simulator = open_simulator(trace=tmp_path)
    memory = program.memory.copy()
    beats = np.ascontiguousarray(x).view(np.uint64).reshape(-1, 2)
    memory[program.x_address :][: len(beats)] = beats
    simulator.write(0, memory)
    for start in [program.preload_start] * bool(program.preload) + [program.start]:
        simulator.start(start)
        assert simulator.run(LIMIT).done
    assert registers(simulator) == expected.registers
    assert simulator.completions() == expected.completions
    assert len(expected.completions) == len(program.operations)
    results = compare(golden, observe(program, image, simulator.traces()), {})
    assert [describe(r, r.name) for r in results if r.mismatches] == []
    streams = program.result_address is not None
    assert streams == (shape[0] == 40)  # one block of each kind
    if streams:
        stored = simulator.read(program.result_address, len(beats)).reshape(-1).view(np.int16)
        np.testing.assert_array_equal(stored.reshape(x.shape), golden["x2"])


def test_completions_are_those_of_the_last_start(simulator):
    for _ in range(2):
        run_copy(simulator, 64, 16)
        log = simulator.completions()
        assert [(engine, tag) for _, engine, tag in log] == [
            *((Engine.LOAD, tag) for tag in range(4)),
            (Engine.STORE, 4),
        ]
        cycles = [cycle for cycle, _, _ in log]
        assert cycles == sorted(cycles) and cycles[-1] <= simulator.register("cycles")


WORDS, BURST = 1024, 32  # a LOAD of 32 beats is one burst
TIMINGS = {
    **{name: PRESETS[name] for name in ("sdr-sdram", "ddr3")},
    "two thirds": MemoryTiming(beats=2, cycles=3),
    "rows": MemoryTiming(row_beats=16, open_cycles=9),
    "refresh": MemoryTiming(refresh_interval=100, refresh_cycles=25),
}


@pytest.mark.parametrize("timing", TIMINGS.values(), ids=TIMINGS.keys())
def test_memory_slows_a_copy_down_as_predicted(simulator, open_simulator, timing):
    """Loads wait for memory alone, and so does the store: both ways the port is the bound."""
    ideal = run_copy(simulator, WORDS, BURST)
    slow = open_simulator(timing)
    got = run_copy(slow, WORDS, BURST)
    fetched = slow.register("program_beats")
    loaded, stored = slow.register("load_beats"), slow.register("store_beats")
    assert loaded == stored == WORDS * CONFIGURATION.lane_beats
    beats, bursts = fetched + loaded + stored, (loaded + stored) // BURST
    least = timing.least_cycles(beats, bursts)
    # Beyond the bound: what the copy needs beside the beats themselves, and the program's bursts.
    assert least <= got <= 1.03 * least + 2 * timing.latency + ideal - beats
    assert got > ideal


def test_latency_is_paid_once_for_the_program_and_once_for_the_load(simulator, open_simulator):
    slow = open_simulator(MemoryTiming(latency=216))
    more = run_copy(slow, 16, 16) - run_copy(simulator, 16, 16)
    # Behind a short latency the load also waits for beats of program fetch in the queue.
    assert 2 * 200 - 16 <= more <= 2 * 200


def test_beats_that_memory_does_not_have_are_refused(open_simulator):
    simulator = open_simulator()
    beats = np.zeros((2, 2), np.uint64)
    for action in (
        lambda: simulator.write(MEMORY_BEATS - 1, beats),
        lambda: simulator.read(-1, 1),
        lambda: simulator.start(MEMORY_BEATS),
    ):
        with pytest.raises(SimulationError, match=rf"outside memory, which has {MEMORY_BEATS}"):
            action()
    with pytest.raises(SimulationError, match=r"shape \(2,\); give uint64 \(n, 2\)"):
        simulator.write(0, beats[0])
    simulator.write(PROGRAM, copy_program(CONFIGURATION, 16, 16, source=1 << 30))
    simulator.start(PROGRAM)
    with pytest.raises(SimulationError, match=r"asked for 16 beats from beat 1073741824; memory"):
        simulator.run(LIMIT)
    simulator.reset()
    run_copy(simulator, 64, 16)


def test_a_program_that_never_ends_stops_at_the_limit(simulator):
    program = copy_program(CONFIGURATION, 64, 64)
    simulator.write(PROGRAM, program[4:])  # a STORE that waits for a LOAD that is not there
    simulator.start(PROGRAM)
    state = simulator.run(3000)
    assert not state.done and state.cycles == 3000
    assert simulator.register("status") == 1
    simulator.reset()
    assert simulator.register("status") == 0
    run_copy(simulator, 64, 16)


@pytest.mark.parametrize("seed", range(8))
def test_a_reset_in_any_cycle_leaves_nothing_behind(simulator, seed):
    chance = random.Random(seed)
    whole = run_copy(simulator, 256, 32, seed)
    simulator.start(PROGRAM)
    state = simulator.run(chance.randrange(1, whole))
    assert not state.done
    simulator.reset()
    assert registers(simulator)["cycles"] == 0
    assert simulator.register("identity") == IDENTITY
    assert run_copy(simulator, 256, 32, seed + 100) == whole


def test_a_killed_child_is_one_error_and_restarts(open_simulator):
    simulator = open_simulator()
    run_copy(simulator, 64, 16)
    os.kill(simulator.pid, signal.SIGKILL)
    with pytest.raises(SimulationError, match="was killed by signal 9"):
        simulator.run(10)
    assert not simulator.alive
    with pytest.raises(SimulationError, match="has ended"):
        simulator.read(0, 1)
    simulator.restart()
    run_copy(simulator, 64, 16)


def test_a_child_that_stops_answering_is_given_up(open_simulator):
    simulator = open_simulator(reply_timeout_s=0.5)
    os.kill(simulator.pid, signal.SIGSTOP)
    with pytest.raises(SimulationTimeoutError, match=r"no answer within 0.5 s"):
        simulator.write(0, np.zeros((1 << 20, 2), np.uint64))  # more than the pipe holds
    assert not simulator.alive


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["true"], "ended with status 0"),
        (["/nowhere/simulator"], "cannot be started"),
        (["sh", "-c", "echo lost its licence >&2; exit 3"], "status 3: lost its licence"),
        (["sh", "-c", "head -c 4096 /dev/zero | tr '\\0' x"], "are no reply to HELLO"),
        (["sh", "-c", "head -c 16 /dev/zero; sleep 9"], "speaks protocol 0x0"),
        (["sleep", "9"], "no answer within 1 s"),
    ],
)
def test_another_program_is_one_error(command, message):
    with pytest.raises(SimulationError, match=message) as caught:
        Child(command, 1)
    assert len(str(caught.value).splitlines()) == 1


def test_the_process_ends_in_good_order(open_simulator):
    simulator = open_simulator()
    pid = simulator.pid
    simulator.close()
    simulator.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
