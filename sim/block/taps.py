"""What a tap of the accelerator shows: a tag and fields of many elements a beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw.spec.configuration import Configuration
from hw.spec.numerics import ACCUMULATOR, BRANCHES, SUM, VALUE


@dataclass(frozen=True)
class Beats:
    """What one tap showed: tag and data of each beat, in order of time.

    Attributes
    ----------
    tags : ndarray of int64, shape (beats,)
    cycles : ndarray of int64, shape (beats,)
    fields : dict
        Field name to int64 array (beats, elements).
    """

    tags: np.ndarray
    cycles: np.ndarray
    fields: dict[str, np.ndarray]


def lanes_fields(c: Configuration) -> list[tuple[str, int, int, bool]]:
    """(name, elements, bits, signed) of the lanes' tap, low bits first, after the tag."""
    value = (c.lanes, VALUE.bits, True)
    return [
        ("s", c.lanes, SUM.bits, True),
        ("y", *value),
        ("out", *value),
        ("pooled", *value),
        ("bits", 3 * c.lanes, 1, False),
    ]


def tap_fields(c: Configuration) -> dict[str, list[tuple[str, int, int, bool]]]:
    """The fields of every tap of the accelerator, after the 12-bit tag."""
    branch = [(name, c.pool_lanes, VALUE.bits, True) for name in (*BRANCHES, "sum")]
    return {
        "lanes": lanes_fields(c),
        "score": [("pop", c.lanes, ACCUMULATOR.bits, True)],
        "probability": [("bits", c.lanes, 1, False)],
        "branch": branch,
        "grid": [("mean", c.lanes, VALUE.bits, True)],
        "dense": [("word", c.lanes, VALUE.bits, True)],
    }


def unpack(cycles: np.ndarray, data: np.ndarray, fields: list[tuple[str, int, int, bool]]) -> Beats:
    """Splits raw beats (uint8, low byte first) into a 12-bit tag and the fields behind it."""
    bits = np.unpackbits(data, axis=1, bitorder="little")
    position = 12
    columns = {}
    for name, elements, width, signed in fields:
        raw = bits[:, position : position + elements * width].reshape(-1, elements, width)
        weights = 1 << np.arange(width, dtype=np.int64)
        if signed:
            weights[-1] = -weights[-1]
        columns[name] = raw @ weights
        position += elements * width
    return Beats(bits[:, :12] @ (1 << np.arange(12, dtype=np.int64)), cycles, columns)
