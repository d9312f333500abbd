"""Hexadecimal files of ``external_memory.v`` and ``trace_log.v`` as arrays."""

from pathlib import Path

import numpy as np


def write_memory(path: Path, beats: np.ndarray) -> None:
    """Write a file for ``+memory=``: one line a beat.

    Parameters
    ----------
    beats : ndarray of uint8, shape (beats, bytes)
        Byte 0 holds the lowest bits.
    """
    beats = np.ascontiguousarray(beats[:, ::-1], dtype=np.uint8)
    digits = beats.tobytes().hex()
    line = 2 * beats.shape[1]
    text = "\n".join(digits[at : at + line] for at in range(0, len(digits), line))
    path.write_text(text + "\n")


def read_memory(path: Path, width: int) -> np.ndarray:
    """Read a file of ``+dump=``: uint8, shape (beats, width // 8), byte 0 the lowest bits."""
    tokens = path.read_text().split("\n")
    lines = [line for line in tokens if line and not line.startswith(("//", "@"))]
    data = np.frombuffer(bytes.fromhex("".join(lines)), dtype=np.uint8)
    return data.reshape(-1, width // 8)[:, ::-1].copy()


def read_trace(path: Path, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Read a trace: cycles, int64 (beats,), and data, uint8 (beats, bytes), lowest byte first.

    `width` is the WIDTH of the trace in bits; bytes is that divided by 8, rounded up.
    """
    pairs = [line.split() for line in path.read_text().splitlines()]
    digits = 2 * ((width + 7) // 8)
    cycles = np.array([int(cycle, 16) for cycle, _ in pairs], dtype=np.int64)
    text = "".join(data.rjust(digits, "0") for _, data in pairs)
    data = np.frombuffer(bytes.fromhex(text), dtype=np.uint8).reshape(-1, digits // 2)
    return cycles, data[:, ::-1].copy()
