"""Frames in RTL against the driver's framing, and COBS against the package cobs."""

import random

import numpy as np
import pytest
from cobs import cobs

from hw.link.cobs import CobsEncoder
from hw.link.frames import FrameReceiver, FrameSender
from hw.spec.link import FRAME_BYTES, HEADER_BYTES, MAX_BEATS
from sim.build import build_simulator, verilog
from sim.component import simulate_component
from sim.run import run_testbench
from sw.driver.framing import Frame, FrameReader, to_line

STALLS = ["none", "source", "sink", "random"]


def stream_of(bodies):
    """Bytes of frames, the last of each marked."""
    byte = np.concatenate([np.frombuffer(body, np.uint8) for body in bodies])
    last = np.zeros(len(byte), np.uint8)
    last[np.cumsum([len(body) for body in bodies]) - 1] = 1
    return {"byte": byte, "last": last}


def edge_bodies():
    """Bodies at the edges of COBS's blocks, then random ones with few and many zeros."""
    runs = [bytes(1), b"\1", bytes(3), b"\1" * 253, b"\1" * 254, b"\1" * 255, b"\2" * 508]
    runs += [run + b"\0" for run in runs] + [b"\0" + run for run in runs]
    chance = random.Random(5)
    for top in (2, 5, 256):
        runs += [bytes(chance.randrange(top) for _ in range(chance.randrange(1, 700)))]
    return runs


@pytest.mark.parametrize("stall", STALLS)
def test_encoder(stall):
    bodies = edge_bodies()
    line = b"".join(b"\0" + cobs.encode(body) + b"\0" for body in bodies)
    got = simulate_component(
        CobsEncoder(), "cobs_encoder", {"frame": stream_of(bodies)}, expect={"line": len(line)},
        stall=stall, idle_cycles=600,
    )  # fmt: skip
    assert got["line"].astype(np.uint8).tobytes() == line


def frames(seed, number):
    chance = random.Random(seed)
    kinds = ([0], [0, 1], range(256))
    lengths = [0, 1, 4, 60, 16 * MAX_BEATS]
    return [
        Frame(
            request=chance.randrange(256),
            status=chance.randrange(256),
            sequence=chance.randrange(1 << 16),
            count=chance.randrange(1 << 16),
            address=chance.randrange(1 << 32),
            data=bytes(chance.choices(kinds[i % 3], k=chance.choice(lengths))),
        )
        for i in range(number)
    ]


@pytest.mark.parametrize("stall", ["none", "random"])
def test_sender(stall):
    sent = frames(1, 12)
    line = b"".join(map(to_line, sent))
    bodies = [body_of(frame) for frame in sent]
    got = simulate_component(
        FrameSender(), "frame_sender", {"frame": stream_of(bodies)}, expect={"line": len(line)},
        stall=stall, idle_cycles=600,
    )  # fmt: skip
    assert got["line"].astype(np.uint8).tobytes() == line


def body_of(frame):
    """A frame without its CRC."""
    return cobs.decode(to_line(frame)[1:-1])[:-4]


def received(pieces):
    """Frames that the RTL takes from pieces of the line, a byte every two cycles."""
    levels = []
    for piece in pieces:
        levels += [(1, byte, 0) for byte in piece] if isinstance(piece, bytes) else [(0, 0, 1)]
    cycles = [cycle for level in levels for cycle in (level, (0, 0, 0))]
    # A frame's data are read out, a byte a cycle, before the next one is let in.
    inputs = {"valid": [], "byte": [], "error": [], "header__ready": [], "address": []}
    data_at = []

    def put(valid=0, byte=0, error=0, ready=0, address=0):
        for name, value in zip(inputs, (valid, byte, error, ready, address), strict=True):
            inputs[name].append(f"{value:x}")

    for valid, byte, error in cycles:
        put(valid, byte, error)
        if valid and byte == 0:
            data_at.append(len(inputs["valid"]))
            for address in range(FRAME_BYTES):
                put(address=address)
            put(ready=1)
            put()
    simulator = build_simulator({"top.v": verilog(FrameReceiver(), "top")}, "top")
    outputs = ["header__valid", "header__payload", "data"]
    got = run_testbench(
        simulator, "sim.testbenches.cycles", parameters={"inputs": inputs, "outputs": outputs}
    ).values["outputs"]
    found = []
    for at in data_at:
        if got["header__valid"][at] == "1":
            header = int(got["header__payload"][at], 16).to_bytes(HEADER_BYTES, "little")
            length = int.from_bytes(header[4:6], "little")
            data = bytes(int(b, 16) for b in got["data"][at + 1 :][: HEADER_BYTES + length])
            assert data[:HEADER_BYTES] == header
            found.append(data)
        assert got["header__valid"][at + FRAME_BYTES + 1] == "0"  # it was taken
    return found


def spoil(line, chance):
    """A frame's line with one fault, and what it is called."""
    at = chance.randrange(1, len(line) - 1)
    kind = chance.choice(["flip", "drop", "insert", "cut", "double", "error", "none"])
    if kind == "flip":
        return line[:at] + bytes([line[at] ^ 1 << chance.randrange(8)]) + line[at + 1 :], kind
    if kind == "drop":
        return line[:at] + line[at + 1 :], kind
    if kind == "insert":
        return line[:at] + bytes([chance.randrange(256)]) + line[at:], kind
    if kind == "cut":
        return line[:at], kind
    if kind == "double":
        return line + line, kind
    return line, kind


def test_receiver_takes_what_the_driver_would_and_every_clean_frame():
    chance = random.Random(11)
    pieces, expected = [], []
    for i, frame in enumerate(frames(2, 60)):
        line, kind = spoil(to_line(frame), chance)
        if kind == "error":
            at = chance.randrange(1, len(line) - 1)
            pieces += [line[:at], None, line[at:]]
        else:
            reader = FrameReader()
            pieces.append(line)
            expected += [body_of(one) for one in reader.feed(line)]
        if i % 5 == 4:
            # Garbage, a frame that is too long, and an end that is missing; then a clean frame.
            garbage = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 40)))
            pieces += [garbage, b"\0" + cobs.encode(bytes([1] * 1500)) + b"\0"] * (i % 2)
            pieces += [garbage, to_line(frame)]
            expected.append(body_of(frame))
    assert received(pieces) == expected
    assert len(expected) > 20


def test_two_frames_are_kept_and_what_comes_meanwhile_is_dropped():
    sent = frames(3, 6)
    inputs = {"valid": [], "byte": [], "header__ready": []}
    looks = []
    for i, frame in enumerate(sent):
        for at, byte in enumerate(to_line(frame)):
            # The first is taken in the middle of the fourth, which has begun too early then.
            ready = (i == 3 and at == 9) or (i == 4 and at == 2)
            for valid in (1, 0):
                inputs["valid"].append(f"{valid}")
                inputs["byte"].append(f"{byte:x}")
                inputs["header__ready"].append(f"{int(ready and valid)}")
        looks.append(len(inputs["valid"]) - 1)
    simulator = build_simulator({"top.v": verilog(FrameReceiver(), "top")}, "top")
    got = run_testbench(
        simulator,
        "sim.testbenches.cycles",
        parameters={"inputs": inputs, "outputs": ["header__valid", "header__payload"]},
    ).values["outputs"]
    heads = [body_of(frame)[:HEADER_BYTES] for frame in sent]
    shown = [int(got["header__payload"][at], 16).to_bytes(HEADER_BYTES, "little") for at in looks]
    # After the fourth the second is offered; it is taken while the fifth comes, which is sound.
    assert [heads.index(one) for one in shown] == [0, 0, 0, 1, 4, 4]
    assert all(got["header__valid"][at] == "1" for at in looks)
