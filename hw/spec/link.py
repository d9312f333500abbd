"""The link between host and accelerator: frames, requests, statuses.

On the wire a frame is a zero byte, its bytes in COBS (consistent overhead byte stuffing, Cheshire
and Baker, SIGCOMM 1997: no zero byte), and a zero byte.  Its bytes are a header
(:data:`HEADER`, little endian), `length` bytes of data, and the CRC-32 of both (:data:`CRC32`,
little endian).  An answer is a frame with the header of its request, but for `status` and `length`.

The device answers every sound request, in order, and drops all other frames without a word: the
host sends a request again until it is answered.  A request with the sequence number of the one
executed before is that one again, its answer lost: it is answered again, but what it changed is not
changed twice.  HELLO is always executed; a host begins with it, for it knows no sequence number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from hw.spec.fields import Field, Record

VERSION = 1
"""Of this file; changes with every change of frames, requests or statuses."""

HEADER = Record(
    "header",
    (
        Field("request", 8, "a Request"),
        Field("status", 8, "a Status in answers, 0 in requests"),
        Field("sequence", 16, "one more with every request, modulo 2**16"),
        Field("length", 16, "bytes of data"),
        Field("count", 16, "beats of memory, or registers"),
        Field("address", 32, "first beat, or first register; in HELLO a number of the host's"),
    ),
)
HEADER_BYTES = HEADER.bits // 8
CRC_BYTES = 4
FRAME_BYTES = 1024
"""Bytes of a frame at most, before COBS."""
BEAT_BYTES = 16
MAX_BEATS = (FRAME_BYTES - HEADER_BYTES - CRC_BYTES) // BEAT_BYTES
"""Beats of READ_MEMORY and WRITE_MEMORY at most."""
REGISTER_BYTES = 4
MAX_REGISTERS = 64
"""Registers of READ_REGISTERS at most."""


@dataclass(frozen=True)
class Crc:
    """A CRC: `polynomial` without its highest term, bits of a byte from the lowest one on."""

    polynomial: int
    initial: int
    final_xor: int


CRC32 = Crc(0x04C11DB7, 0xFFFFFFFF, 0xFFFFFFFF)
"""CRC-32/ISO-HDLC, the one of Ethernet and zlib."""


class Request(IntEnum):
    """What can be asked.  Its answer's data in brackets."""

    HELLO = 1  # begins a session [GREETING]
    READ_REGISTERS = 2  # `count` registers from `address` on [32 bits each]
    WRITE_REGISTER = 3  # 4 bytes of data to the register at `address` [none]
    READ_MEMORY = 4  # `count` beats from `address` on [the beats]
    WRITE_MEMORY = 5  # the data to `count` beats from `address` on [none]
    CHECK_MEMORY = 6  # CRC-32 of `count` beats from `address` on [32 bits]
    RESET = 7  # stops the accelerator, clears its registers, resets the memory's controller [none]


class Status(IntEnum):
    """How a request ended.  Nothing was done unless it is DONE."""

    DONE = 0
    UNKNOWN = 1  # no such request
    SHAPE = 2  # length and count do not fit the request
    RANGE = 3  # beats outside memory
    BUSY = 4  # a register written while a program runs


GREETING = Record(
    "greeting",
    (
        Field("version", 32, "VERSION"),
        Field("memory_beats", 32, "beats of external memory"),
        Field("clock_hz", 32, "clock cycles a second"),
    ),
)

DEFAULT_BAUD = 3_000_000
"""What bitstreams and driver use when no rate is named: the most that an FT231X, a ULX3S's bridge,
has."""
