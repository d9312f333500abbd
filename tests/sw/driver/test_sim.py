"""The simulated device behind the transport's interface: results, resets, typed one-line errors."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest

from hw.spec import find_configuration
from hw.spec.commands import Engine
from hw.spec.registers import REGISTERS
from sim.native import SimulatorBuildError
from sw.driver.errors import DeviceTimeout, DriverError
from sw.driver.sim import SimTransport
from sw.driver.transport import expected_identity
from sw.files import InputError
from tests.sim.native.copy_program import (
    DESTINATION,
    PROGRAM,
    SOURCE,
    contents,
    copy_program,
)

CONFIGURATION = find_configuration("3x4x64-l8")
LIMIT = 100_000
WORDS = 128


@pytest.fixture
def transport():
    transport = SimTransport(CONFIGURATION)
    yield transport
    transport.close()


def send(transport, seed=0) -> np.ndarray:
    """Program, random source and empty destination; what must stand there afterwards."""
    data = contents(WORDS * CONFIGURATION.lane_beats, seed)
    transport.write(PROGRAM, copy_program(CONFIGURATION, WORDS, 32))
    transport.write(SOURCE, data)
    transport.write(DESTINATION, np.zeros_like(data))
    return data


def assert_copies(transport, seed=0) -> int:
    """Cycles of a run that gives the right result."""
    data = send(transport, seed)
    transport.start(PROGRAM)
    transport.wait(LIMIT)
    np.testing.assert_array_equal(transport.read(DESTINATION, len(data)), data)
    return transport.registers()["cycles"]


def test_a_run_from_start_to_done(transport):
    identity = transport.identity()
    expected = expected_identity(CONFIGURATION)
    for name in ("identity", "contract", "geometry", "configuration"):
        assert getattr(identity, name) == getattr(expected, name)
    assert len(identity.rtl) == 64 and int(identity.rtl, 16)
    cycles = assert_copies(transport)
    registers = transport.registers()
    assert registers.keys() == REGISTERS.keys()
    assert registers["load_beats"] == registers["store_beats"] == WORDS * CONFIGURATION.lane_beats
    assert registers["status"] == 2
    log = transport.completions()
    assert [engine for _, engine, _ in log] == [Engine.LOAD] * 4 + [Engine.STORE]
    assert log[-1][0] <= cycles


@pytest.mark.parametrize("seed", range(4))
def test_a_reset_in_a_random_cycle_then_a_whole_run(transport, seed):
    cycles = assert_copies(transport)
    send(transport, seed + 1)
    transport.start(PROGRAM)
    stop = random.Random(seed).randrange(1, cycles)
    with pytest.raises(DeviceTimeout, match=rf"not done after {stop} cycles"):
        transport.wait(stop)
    transport.reset()
    assert transport.registers()["cycles"] == 0
    assert assert_copies(transport, seed + 2) == cycles


def test_a_killed_process_is_one_line_and_reset_replaces_it(transport):
    send(transport)
    transport.start(PROGRAM)
    os.kill(transport.simulator.pid, signal.SIGKILL)
    with pytest.raises(DriverError, match=r"^sim: simulator: was killed by signal 9$"):
        transport.wait(LIMIT)
    for action in (transport.identity, transport.registers, transport.completions):
        with pytest.raises(DriverError, match="has ended"):
            action()
    transport.reset()
    assert_copies(transport)


def test_a_process_killed_between_calls_is_replaced_by_reset(transport):
    os.kill(transport.simulator.pid, signal.SIGKILL)
    transport.reset()
    assert_copies(transport)


def test_a_process_that_hangs_is_given_up():
    transport = SimTransport(CONFIGURATION, reply_timeout_s=0.5)
    os.kill(transport.simulator.pid, signal.SIGSTOP)
    with pytest.raises(DriverError, match=r"no answer within 0.5 s"):
        transport.registers()
    transport.reset()
    assert_copies(transport)
    transport.close()
    transport.close()
    with pytest.raises(DriverError, match="has ended"):
        transport.registers()


def test_an_interrupt_ends_the_wait_and_reset_replaces_the_process(transport):
    def interrupt(*_):
        raise KeyboardInterrupt

    program = copy_program(CONFIGURATION, 32, 32)[4:]  # a STORE that waits for no LOAD
    transport.write(PROGRAM, program)
    transport.start(PROGRAM)
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            transport.wait(1 << 40)
    finally:
        signal.signal(signal.SIGALRM, before)
    transport.reset()
    assert_copies(transport)


def test_unknown_memory_is_bad_input():
    with pytest.raises(
        InputError, match=r"memory 'fast': unknown; choose one of ideal, on-chip, sdr-sdram"
    ):
        SimTransport(CONFIGURATION, memory="fast")


def test_what_cannot_be_built_is_one_line(monkeypatch):
    def fail(*_, **__):
        raise SimulatorBuildError("verilator (top native_top) failed:\n%Error: here\nand more")

    monkeypatch.setattr("sim.native.simulator.build_native", fail)
    with pytest.raises(DriverError) as caught:
        SimTransport(CONFIGURATION)
    assert str(caught.value) == "sim: verilator (top native_top) failed: %Error: here"


def test_a_trace_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    transport = SimTransport(CONFIGURATION, trace=tmp_path / "file")
    with pytest.raises(DriverError, match=r"^sim: .*file"):
        transport.start(PROGRAM)
    transport.close()
