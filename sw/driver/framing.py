"""Frames of the link to bytes of the line, and back; whatever is no sound frame is dropped."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from cobs import cobs

from hw.spec.link import CRC_BYTES, FRAME_BYTES, HEADER, HEADER_BYTES, Request, Status

MOST_LINE_BYTES = FRAME_BYTES + FRAME_BYTES // 254 + 1
"""Bytes of a frame in COBS at most, without the zeros around it."""


@dataclass(frozen=True)
class Frame:
    """A request or an answer; the members are those of :data:`hw.spec.link.HEADER`."""

    request: int
    sequence: int
    count: int = 0
    address: int = 0
    data: bytes = b""
    status: int = Status.DONE

    def answers(self, asked: Frame) -> bool:
        """Whether this can be the answer to that request."""
        members = ("request", "sequence", "count", "address")
        return all(getattr(self, name) == getattr(asked, name) for name in members)

    def __str__(self) -> str:
        names = {request.value: request.name for request in Request}
        return f"{names.get(self.request, self.request)} at {self.address:#x}"


def to_line(frame: Frame) -> bytes:
    """Bytes of the line, the zeros before and after them included.

    Raises
    ------
    FieldError
        For a member outside its field.
    """
    header = HEADER.encode(
        {
            "request": frame.request,
            "status": frame.status,
            "sequence": frame.sequence,
            "length": len(frame.data),
            "count": frame.count,
            "address": frame.address,
        }
    )
    body = header.to_bytes(HEADER_BYTES, "little") + frame.data
    return b"\0" + cobs.encode(body + zlib.crc32(body).to_bytes(CRC_BYTES, "little")) + b"\0"


def from_line(line: bytes) -> Frame | None:
    """The frame between two zeros of the line; None for anything that is no sound frame."""
    try:
        whole = cobs.decode(line)
    except cobs.DecodeError:
        return None
    body, crc = whole[:-CRC_BYTES], whole[-CRC_BYTES:]
    if len(body) < HEADER_BYTES or zlib.crc32(body) != int.from_bytes(crc, "little"):
        return None
    header = HEADER.decode(int.from_bytes(body[:HEADER_BYTES], "little"))
    if header.pop("length") != len(body) - HEADER_BYTES:
        return None
    return Frame(**header, data=body[HEADER_BYTES:])


class FrameReader:
    """Sound frames from the line's bytes, in whatever pieces they come.

    Attributes
    ----------
    dropped : int
        Pieces between zeros that were no sound frame.
    """

    def __init__(self) -> None:
        self._begun = bytearray()
        self.dropped = 0

    def feed(self, received: bytes) -> list[Frame]:
        """The frames that these bytes complete."""
        *ended, rest = (bytes(self._begun) + received).split(b"\0")
        self._begun[:] = rest[: MOST_LINE_BYTES + 1]  # of more, nothing can be sound
        frames = []
        for piece in filter(None, ended):
            frame = from_line(piece) if len(piece) <= MOST_LINE_BYTES else None
            if frame is None:
                self.dropped += 1
            else:
                frames.append(frame)
        return frames
