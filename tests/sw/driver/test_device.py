"""The handle of a device: who it is, whose result it is, and what follows an error."""

from dataclasses import replace

import numpy as np
import pytest

from hw.spec import find_configuration
from sw.compiler import schedule
from sw.compiler.schedule import ScheduleError
from sw.driver import DeviceError, DeviceTimeout, DriverError, IdentityError
from sw.driver.device import Device, mark, timeout_cycles
from tests.sw.driver.fake import (
    BEATS,
    CYCLES,
    PICTURE,
    RESULT,
    START,
    FakeProgram,
    FakeTransport,
    expected,
)

CONFIGURATION = find_configuration("3x4x64-l8")


@pytest.fixture
def program(pyramid, monkeypatch):
    program = FakeProgram(CONFIGURATION, pyramid[2].packed.model.image)
    monkeypatch.setattr(
        schedule, "network_program", lambda packed, c, batch: program, raising=False
    )
    return program


def opened(program, pyramid, **options):
    """(handle with the network loaded, its transport)."""
    transport = FakeTransport(CONFIGURATION, **{"compute": program.compute} | options)
    device = Device(CONFIGURATION, lambda _: transport)
    device.load(pyramid[2].packed)
    transport.log.clear()
    return device, transport


def pictures(pyramid, count=3):
    size = pyramid[2].packed.model.image
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), np.uint8)


def test_a_program_that_another_process_left_running_is_stopped_before_memory_is_written(
    program, pyramid
):
    transport = FakeTransport(CONFIGURATION, compute=program.compute)
    transport.running = True
    device = Device(CONFIGURATION, lambda _: transport)
    device.load(pyramid[2].packed)
    assert [call[0] for call in transport.log] == ["reset", "write"]
    images = pictures(pyramid)
    assert np.array_equal(device.run(images), expected(images))


# -- good runs -------------------------------------------------------------------------------------


def test_pictures_in_a_row_each_get_their_own_logits(program, pyramid):
    device, transport = opened(program, pyramid)
    images = pictures(pyramid)
    logits = device.run(images)
    assert logits.dtype == np.int64 and np.array_equal(logits, expected(images))
    assert len(np.unique(logits[:, 0])) == 3
    assert device.cycles == [CYCLES, CYCLES + 1, CYCLES + 2]
    assert device.counters()["cycles"] == CYCLES + 2
    assert [entry for entry in transport.log if entry[0] == "start"] == 3 * [("start", START)]
    assert ("reset",) not in transport.log
    assert np.array_equal(device.run(images[1:]), logits[1:])
    assert device.cycles == [CYCLES + 3, CYCLES + 4]


def test_a_batch_is_one_run_and_the_last_one_may_be_of_fewer(program, pyramid):
    program.batch = 2
    transport = FakeTransport(CONFIGURATION, program.compute)
    device = Device(CONFIGURATION, lambda _: transport, batch=2)
    device.load(pyramid[2].packed)
    transport.log.clear()
    images = pictures(pyramid, 5)
    assert np.array_equal(device.run(images), expected(images))
    assert device.cycles == [*2 * [CYCLES // 2], *2 * [round((CYCLES + 1) / 2)], CYCLES + 2]
    written = [entry[2] for entry in transport.log if entry[:2] == ("write", PICTURE)]
    assert written == [n * program.picture_beats for n in (2, 2, 1)]
    assert transport.log.count(("write", RESULT, 2 * program.result_beats)) == 3


def test_a_picture_is_written_and_the_result_marked_before_every_start(program, pyramid):
    device, transport = opened(program, pyramid)
    device.run(pictures(pyramid, 2))
    one = [
        ("write", PICTURE, program.picture_beats),
        ("write", RESULT, program.result_beats),
        ("start", START),
    ]
    assert transport.log == 2 * one


def test_the_network_is_sent_once_the_device_is_known(program, pyramid):
    device, transport = opened(program, pyramid)
    assert np.array_equal(transport.memory, program.memory) and device.packed is pyramid[2].packed
    assert device.identity().rtl == "f00d" and device.completions() == []


def test_no_picture_gives_no_logits(program, pyramid):
    device, transport = opened(program, pyramid)
    assert device.run(pictures(pyramid)[:0]).shape == (0, 10)
    assert transport.log == [] and device.cycles == []


def test_the_timeout_grows_with_the_bound(program):
    before = timeout_cycles(program)
    program.operations *= 10
    assert 0 < before < timeout_cycles(program)


# -- another device --------------------------------------------------------------------------------


@pytest.mark.parametrize("register", ["identity", "contract", "geometry", "configuration"])
def test_another_device_is_refused_before_anything_is_sent(program, pyramid, register):
    transport = FakeTransport(CONFIGURATION, program.compute, **{register: 0xDEADBEEF})
    device = Device(CONFIGURATION, lambda _: transport)
    with pytest.raises(IdentityError, match=rf"{register} register is 0xdeadbeef, expected 0x"):
        device.load(pyramid[2].packed)
    assert transport.log == [] and device.packed is None
    with pytest.raises(DriverError, match="no network is loaded"):
        device.run(pictures(pyramid))


def test_the_other_configurations_are_refused_by_name(program, pyramid):
    other = replace(CONFIGURATION, x_words=2048)  # equal geometry, other memories
    transport = FakeTransport(other, program.compute)
    with pytest.raises(IdentityError, match=r"configuration register .*3x4x64-l8"):
        Device(CONFIGURATION, lambda _: transport).load(pyramid[2].packed)


def test_a_network_that_does_not_fit_is_refused_before_the_device_is_opened(pyramid, monkeypatch):
    def refuse(packed, configuration, batch=1):
        raise ScheduleError("x memory: 4096 words needed, 2048 there")

    def connect(_):
        raise AssertionError("opened")

    monkeypatch.setattr(schedule, "network_program", refuse, raising=False)
    with pytest.raises(ScheduleError):
        Device(CONFIGURATION, connect).load(pyramid[2].packed)


# -- results that are not there --------------------------------------------------------------------


def test_marks_of_two_runs_differ_in_every_beat():
    for sequence in (1, 2, 0xFFFFFFFF, 1 << 32):
        one, two = mark(sequence, 9), mark(sequence + 1, 9)
        assert (one != two).any(axis=1).all()
        assert len(np.unique(one, axis=0)) == 9


@pytest.mark.parametrize("beats", [0, 1, 2])
def test_a_result_that_is_not_all_written_is_refused(program, pyramid, beats):
    def part(memory, start):
        whole = memory.copy()
        program.compute(whole, start)
        memory[RESULT : RESULT + beats] = whole[RESULT : RESULT + beats]

    device, transport = opened(program, pyramid)
    device.run(pictures(pyramid, 1))  # leaves a whole result in memory
    transport.compute = part
    with pytest.raises(DeviceError, match=rf"{3 - beats} of 3 beats .* not written"):
        device.run(pictures(pyramid, 2))


def test_a_result_that_happens_to_be_its_mark_is_no_error(program, pyramid):
    constant = mark(1, program.result_beats)

    def compute(memory, start):
        memory[RESULT : RESULT + program.result_beats] = constant

    device, transport = opened(program, pyramid, compute=compute)
    logits = device.run(pictures(pyramid, 1))
    assert transport.runs == 2 and device.cycles == [CYCLES + 1]
    assert np.array_equal(logits[0], program.logits(constant))


@pytest.mark.parametrize("lost", [PICTURE, RESULT])
def test_a_picture_or_mark_that_was_not_written_is_noticed(program, pyramid, lost):
    device, transport = opened(program, pyramid)
    device.run(pictures(pyramid, 1))
    write = transport.write
    transport.write = lambda beat, beats: None if beat == lost else write(beat, beats)
    with pytest.raises(DeviceError, match=f"beat {lost} does not hold what was written"):
        device.run(pictures(pyramid, 2))
    assert transport.runs == 1


def test_a_network_that_does_not_arrive_is_noticed(program, pyramid):
    transport = FakeTransport(CONFIGURATION, program.compute)
    transport.read = lambda beat, n: transport.memory[beat : beat + n] ^ np.uint64(1)
    with pytest.raises(DeviceError, match="beat 0 does not hold"):
        Device(CONFIGURATION, lambda _: transport).load(pyramid[2].packed)


# -- after an error --------------------------------------------------------------------------------


def test_after_a_timeout_nothing_runs_until_reset(program, pyramid):
    device, transport = opened(program, pyramid)
    images = pictures(pyramid)
    transport.hang = True
    with pytest.raises(DeviceTimeout, match=f"not done after {timeout_cycles(program)} cycles"):
        device.run(images)
    transport.log.clear()
    for again in (lambda: device.run(images), lambda: device.load(pyramid[2].packed)):
        with pytest.raises(DriverError, match=r"call reset\(\)"):
            again()
    assert transport.log == []
    device.reset()
    assert transport.log == [("reset",), ("write", 0, BEATS)]


def test_after_a_reset_the_network_is_there_again(program, pyramid):
    device, transport = opened(program, pyramid)
    images = pictures(pyramid)
    transport.hang = True
    with pytest.raises(DeviceTimeout):
        device.run(images)
    device.reset()
    assert np.array_equal(device.run(images), expected(images))


def test_an_interrupt_leaves_the_device_to_be_reset(program, pyramid):
    device, transport = opened(program, pyramid)

    def wait(_):
        raise KeyboardInterrupt

    transport.wait = wait
    with pytest.raises(KeyboardInterrupt):
        device.run(pictures(pyramid))
    with pytest.raises(DriverError, match=r"call reset\(\)"):
        device.run(pictures(pyramid))


def test_closing_closes_the_transport_once(program, pyramid):
    device, transport = opened(program, pyramid)
    with device:
        pass
    device.close()
    assert transport.log == [("close",)]
    for call in (lambda: device.run(pictures(pyramid)), device.reset, device.identity):
        with pytest.raises(DriverError, match="closed"):
            call()


def test_a_handle_that_was_never_used_closes(program):
    Device(CONFIGURATION, lambda _: pytest.fail("opened")).close()
