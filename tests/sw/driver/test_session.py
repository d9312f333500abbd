"""Conversations over lines with faults: right, or an error with a type; never wrong."""

import random
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.spec.link import BEAT_BYTES, MAX_BEATS, Request
from sw.driver.errors import DeviceError, IdentityError
from sw.driver.framing import Frame, to_line
from sw.driver.session import Session
from tests.sw.driver.link_device import BEATS, Faults, FaultyLine, LinkDevice


def session(seed=0, rate=0.0, device=None):
    device = device or LinkDevice()
    there, back = Faults(seed, rate), Faults(seed + 1, rate)
    line = FaultyLine(device, there, back)
    return Session(line, clock=lambda: line.seconds), device, line, (there, back)


def converse(seed, rate):
    """A load, a start, a reset, a check and a read; the faults that it survived."""
    link, device, _, faults = session(seed, rate)
    data = random.Random(seed).randbytes(BEAT_BYTES * 200)
    pieces = [(at, min(MAX_BEATS, 200 - at)) for at in range(0, 200, MAX_BEATS)]
    link.greet()
    link.ask_all(
        (Request.WRITE_MEMORY, 9 + at, n, data[at * BEAT_BYTES :][: n * BEAT_BYTES])
        for at, n in pieces
    )
    assert device.memory[9 * BEAT_BYTES :][: len(data)] == data
    for program in (3, 4, 4):
        link.ask(Request.WRITE_REGISTER, 4, 1, program.to_bytes(4, "little"))
    link.ask(Request.RESET)
    crc = link.ask(Request.CHECK_MEMORY, 9, 200)
    assert int.from_bytes(crc, "little") == zlib.crc32(data)
    assert b"".join(link.ask_all((Request.READ_MEMORY, 9 + at, n, b"") for at, n in pieces)) == data
    assert (device.started, device.resets) == ([3, 4, 4], 1)
    return sum(one.number for one in faults), link.repeats


def test_a_clean_line_repeats_nothing():
    assert converse(1, 0.0) == (0, 0)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from([1e-4, 5e-4, 2e-3]))
def test_right_or_a_device_error(seed, rate):
    try:
        converse(seed, rate)
    except DeviceError as error:
        assert "no answer to" in str(error)


def test_most_conversations_survive_a_bad_line():
    ended = []
    for seed in range(20):
        try:
            ended.append(converse(seed, 2e-4))
        except DeviceError:
            ended.append(None)
    survived = [one for one in ended if one is not None]
    assert len(survived) >= 18
    assert sum(faults for faults, _ in survived) > 20
    assert sum(repeats for _, repeats in survived) > 10


def test_a_start_whose_answer_is_lost_is_no_second_start():
    device = LinkDevice()
    link, _, line, _ = session(device=device)
    link.greet()
    line._back = lambda data: b""
    with pytest.raises(DeviceError, match=r"no answer to WRITE_REGISTER at 0x4 after 6 tries"):
        link.ask(Request.WRITE_REGISTER, 4, 1, bytes(4))
    assert device.started == [0]


def test_stale_answers_of_another_session_are_no_answers():
    link, _, line, _ = session()
    for sequence in range(2**16):  # whatever number the session begins with
        line._coming += to_line(Frame(Request.HELLO, sequence, address=1, data=bytes(12)))
    link.greet()
    assert link.greeting["memory_beats"] == BEATS


def test_another_version_is_refused():
    link, *_ = session(device=LinkDevice(version=7))
    with pytest.raises(IdentityError, match=r"link version is 7, expected 1; use gateware and"):
        link.greet()


def test_refusals_say_why():
    link, *_ = session()
    link.greet()
    with pytest.raises(DeviceError, match=rf"READ_MEMORY at 0xfff refused: memory ends .* {BEATS}"):
        link.ask(Request.READ_MEMORY, BEATS - 1, 2)
