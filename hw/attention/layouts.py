"""What the stages of the attention unit hand to each other: fields of a tile, beats, totals."""

from __future__ import annotations

from amaranth.lib import data, stream
from amaranth.utils import bits_for

from hw.spec.configuration import Configuration
from hw.spec.numerics import EXP, PROBABILITY_SCALE

TILES_IN_FLIGHT = 8
"""Tiles between admission and their last attention bit: enough to hide the pipeline's latency of
about 35 cycles behind tiles of 7 beats."""
TOTAL_BITS = EXP.bits + 12
"""A total: at most 2**12 keys."""
LIMIT_BITS = EXP.bits + 1
"""A limit: up to 2**24, which no entry exceeds."""


def token_bits(c: Configuration) -> int:
    """Bits of a token's slot in its tile."""
    return max(1, (c.rows - 1).bit_length())


def index_bits(c: Configuration) -> int:
    """Bits of an index into the exponential table."""
    return (c.exp_entries - 1).bit_length()


def reserve_bits(c: Configuration) -> int:
    """Bits of a number of score words; any ``rows * outer`` fits."""
    return bits_for(max(c.score_words, 15 * 1023))


def arrival_fields() -> data.StructLayout:
    """Fields of a tile that its score beats need; ``bias`` is padding + index_base."""
    return data.StructLayout(
        {"tag": 12, "tokens": 4, "groups": 10, "keys": 12, "padding": 7, "bias": 11}
    )


def scale_fields() -> data.StructLayout:
    """Fields of a tile that its limits need."""
    return data.StructLayout({"scale": PROBABILITY_SCALE.bits, "shift": 6})


def write_fields(c: Configuration) -> data.StructLayout:
    """Fields of a tile that its attention bits need; ``reserved``: its score words."""
    return data.StructLayout(
        {
            "tag": 12,
            "tokens": 4,
            "groups": 10,
            "keys": 12,
            "address": (c.row_words - 1).bit_length(),
            "reserved": reserve_bits(c),
            "last": 1,
        }
    )


def tile_stream(c: Configuration) -> stream.Signature:
    """A tile that was admitted: one beat a tile, in order."""
    return stream.Signature(
        data.StructLayout(
            {"arrival": arrival_fields(), "scale": scale_fields(), "write": write_fields(c)}
        ),
        always_ready=True,
    )


def index_stream(c: Configuration) -> stream.Signature:
    """A score beat as table indices; a lane with mask 0 is no key.

    ``first``, ``final``: of the first, last key group; ``last``: the tile's last beat.
    """
    return stream.Signature(
        data.StructLayout(
            {
                "index": data.ArrayLayout(index_bits(c), c.lanes),
                "mask": c.lanes,
                "token": token_bits(c),
                "first": 1,
                "final": 1,
                "last": 1,
            }
        ),
        always_ready=True,
    )


def _query(c: Configuration, name: str, bits: int) -> stream.Signature:
    """A number a query, tokens in order; ``last``: the tile's last query."""
    return stream.Signature(
        data.StructLayout({name: bits, "token": token_bits(c), "last": 1}), always_ready=True
    )


def total_stream(c: Configuration) -> stream.Signature:
    """A query's sum of table entries over all keys."""
    return _query(c, "total", TOTAL_BITS)


def limit_stream(c: Configuration) -> stream.Signature:
    """A query's limit: bits of keys with entries above it are 1."""
    return _query(c, "limit", LIMIT_BITS)


def threshold_stream(c: Configuration) -> stream.Signature:
    """A query's least index with a bit of 1; ``exp_entries`` if none has."""
    return _query(c, "threshold", index_bits(c) + 1)
