"""The device's end of the link in Python, and a line with faults, without a simulator."""

from __future__ import annotations

import random
import zlib

from hw.spec.link import BEAT_BYTES, GREETING, VERSION, Request, Status
from sw.driver.framing import Frame, FrameReader, to_line

BEATS = 4096


class LinkDevice:
    """What :class:`hw.link.link.Link` does with whole frames; time does not pass.

    Attributes
    ----------
    started : list of int
        Values written to a register.
    """

    def __init__(self, version: int = VERSION) -> None:
        self.memory = bytearray(BEAT_BYTES * BEATS)
        self.started: list[int] = []
        self.resets = 0
        self._version = version
        self._reader = FrameReader()
        self._last: tuple[Frame, int] | None = None

    def feed(self, line: bytes) -> bytes:
        """Bytes to the device; bytes from it."""
        return b"".join(to_line(self._answer(frame)) for frame in self._reader.feed(line))

    def _answer(self, frame: Frame) -> Frame:
        repeated = (
            self._last is not None
            and self._last[0].sequence == frame.sequence
            and self._last[0].request == frame.request
        )
        status, data = self._execute(frame, repeated)
        if repeated and frame.request == Request.WRITE_REGISTER:
            status = self._last[1]
        self._last = frame, status
        return Frame(frame.request, frame.sequence, frame.count, frame.address, data, status)

    def _execute(self, frame: Frame, repeated: bool) -> tuple[Status, bytes]:
        first, end = frame.address * BEAT_BYTES, (frame.address + frame.count) * BEAT_BYTES
        if frame.request == Request.HELLO:
            greeting = {"version": self._version, "memory_beats": BEATS, "clock_hz": 1}
            return Status.DONE, GREETING.encode(greeting).to_bytes(12, "little")
        if frame.request == Request.WRITE_REGISTER:
            if not repeated:
                self.started.append(int.from_bytes(frame.data, "little"))
            return Status.DONE, b""
        if frame.request == Request.RESET:
            self.resets += not repeated
            return Status.DONE, b""
        if end > len(self.memory):
            return Status.RANGE, b""
        if frame.request == Request.WRITE_MEMORY:
            self.memory[first:end] = frame.data
            return Status.DONE, b""
        if frame.request == Request.READ_MEMORY:
            return Status.DONE, bytes(self.memory[first:end])
        if frame.request == Request.CHECK_MEMORY:
            return Status.DONE, zlib.crc32(self.memory[first:end]).to_bytes(4, "little")
        return Status.UNKNOWN, b""


class Faults:
    """Spoils bytes of a line at random: flips, drops, doubles, garbage, and long silences.

    Parameters
    ----------
    seed : int
    rate : float
        Faults a byte.
    """

    def __init__(self, seed: int, rate: float) -> None:
        self._chance, self._rate = random.Random(seed), rate
        self.number = 0

    def __call__(self, data: bytes) -> bytes:
        """What arrives of `data`."""
        out = bytearray()
        for byte in data:
            if self._chance.random() >= self._rate:
                out.append(byte)
                continue
            self.number += 1
            kind = self._chance.choice(["flip", "drop", "double", "garbage", "burst"])
            if kind == "flip":
                out.append(byte ^ 1 << self._chance.randrange(8))
            elif kind == "double":
                out += bytes([byte, byte])
            elif kind == "garbage":
                out += bytes([byte]) + self._chance.randbytes(self._chance.randrange(1, 30))
            elif kind == "burst":
                return bytes(out)  # all the rest is lost
        return bytes(out)


class FaultyLine:
    """A :class:`sw.driver.session.Line` to a LinkDevice, with a clock that only waits move."""

    def __init__(self, device: LinkDevice, there: Faults, back: Faults) -> None:
        self._device, self._there, self._back = device, there, back
        self._coming = bytearray()
        self.seconds = 0.0

    def write(self, data: bytes) -> None:
        self._coming += self._back(self._device.feed(self._there(data)))

    def read(self, timeout_s: float) -> bytes:
        # Now and then a part only, as a serial port gives it.
        part = bytes(self._coming[: 1 + len(self._coming) * 2 // 3])
        del self._coming[: len(part)]
        if not part:
            self.seconds += timeout_s
        return part
