"""What the stages of the pooled branches hand to each other."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib import data

from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCHES, VALUE

TAPS = ("up2", "up1", "middle", "down1", "down2")
"""The five rows, in the order of BRANCH's row fields."""
PAIRS = ("vertical1", "vertical2", "horizontal1", "horizontal2")
"""Sums of the two neighbours at distance 1 and 2, up and down, left and right."""
ADJUST_BITS = 19
"""``constant - missing*loss``, signed, for at most 4 missing taps."""


def parts(c: Configuration) -> int:
    """Parts of `pool_lanes` channels of a word."""
    return c.lanes // c.pool_lanes


def part_bits(c: Configuration) -> int:
    """Bits of a part's number."""
    return max(1, (parts(c) - 1).bit_length())


def part_word(c: Configuration) -> data.ArrayLayout:
    """`pool_lanes` values."""
    return data.ArrayLayout(signed(VALUE.bits), c.pool_lanes)


def head_layout(c: Configuration) -> data.StructLayout:
    """What belongs to a token's word: ``w3_loss``, ``w5_loss``: losses (0..1, 0..2) that the
    column takes off w3 and w5 beside those of every column; ``last_word``: last of its channel
    word; ``last``: last of its command.
    """
    return data.StructLayout(
        {
            "w3_loss": 1,
            "w5_loss": 2,
            "slope_shift": 2,
            "tag": 12,
            "address": (c.u_words - 1).bit_length(),
            "last_word": 1,
            "last": 1,
        }
    )


def taps_layout(c: Configuration) -> data.StructLayout:
    """A part of a token with the sums of its neighbours; one outside the picture counts 0.

    ``set``: the channel word's number modulo 2.
    """
    pair = data.ArrayLayout(signed(VALUE.bits + 1), c.pool_lanes)
    return data.StructLayout(
        {
            "middle": part_word(c),
            **{name: pair for name in PAIRS},
            "part": part_bits(c),
            "set": 1,
            "head": head_layout(c),
        }
    )


def gains_layout(c: Configuration) -> data.ArrayLayout:
    """The gain of each branch, for `pool_lanes` channels."""
    return data.ArrayLayout(part_word(c), len(BRANCHES))


def adjusts_layout(c: Configuration) -> data.ArrayLayout:
    """What is added to each branch's rounded product, for `pool_lanes` channels."""
    part = data.ArrayLayout(signed(ADJUST_BITS), c.pool_lanes)
    return data.ArrayLayout(part, len(BRANCHES))
