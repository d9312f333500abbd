"""Frames to bytes and back, whatever lies between them."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.spec.link import BEAT_BYTES, CRC32, FRAME_BYTES, HEADER_BYTES, MAX_BEATS
from sw.driver.framing import MOST_LINE_BYTES, Frame, FrameReader, to_line

WORD = st.integers(0, 0xFFFF)
ANY_PACE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""
FRAMES = st.builds(
    Frame,
    request=st.integers(0, 255),
    status=st.integers(0, 255),
    sequence=WORD,
    count=WORD,
    address=st.integers(0, 0xFFFFFFFF),
    data=st.binary(max_size=MAX_BEATS * BEAT_BYTES) | st.lists(st.just(0), max_size=300).map(bytes),
)


@ANY_PACE
@given(st.lists(FRAMES, max_size=5), st.data())
def test_frames_come_back_in_any_pieces(frames, data):
    line = b"".join(map(to_line, frames))
    assert line.count(0) == 2 * len(frames)
    reader, got = FrameReader(), []
    while line:
        size = data.draw(st.integers(1, len(line)))
        got += reader.feed(line[:size])
        line = line[size:]
    assert got == frames and reader.dropped == 0


@ANY_PACE
@given(FRAMES, st.binary(max_size=3000), FRAMES)
def test_the_first_clean_frame_after_garbage_is_taken(before, garbage, after):
    reader = FrameReader()
    reader.feed(to_line(before)[:-3] + garbage)
    assert reader.feed(to_line(after)) == [after]


@ANY_PACE
@given(FRAMES, st.data())
def test_no_spoilt_frame_is_taken(frame, data):
    line = bytearray(to_line(frame))
    at = data.draw(st.integers(1, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    assert FrameReader().feed(bytes(line)) == []


def test_the_largest_frame_fits_the_devices_buffer():
    frame = Frame(5, 1, MAX_BEATS, 0, bytes([7]) * (MAX_BEATS * BEAT_BYTES))
    assert HEADER_BYTES + len(frame.data) + 4 <= FRAME_BYTES < HEADER_BYTES + len(frame.data) + 20
    assert len(to_line(frame)) <= MOST_LINE_BYTES + 2


def test_the_crc_is_the_declared_one():
    import zlib

    data = b"123456789"
    crc = CRC32.initial
    for byte in data:
        for i in range(8):
            top = crc >> 31 ^ byte >> i & 1
            crc = (crc << 1 & 0xFFFFFFFF) ^ (CRC32.polynomial if top else 0)
    crc = int(f"{crc:032b}"[::-1], 2) ^ CRC32.final_xor
    assert crc == zlib.crc32(data) == 0xCBF43926
