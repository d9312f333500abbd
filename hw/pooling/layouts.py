"""What the stages of the pooled branches hand to each other."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib import data

from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCHES, VALUE

TAPS = ("up2", "up1", "middle", "down1", "down2")
"""The five rows, in the order of BRANCH's row fields."""


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
    """What belongs to a token's word: ``missing``: taps outside the picture, by branch;
    ``last_word``: last of its channel word; ``last``: last of its command.
    """
    return data.StructLayout(
        {
            "missing": data.ArrayLayout(3, len(BRANCHES)),
            "slope_shift": 2,
            "tag": 12,
            "address": (c.u_words - 1).bit_length(),
            "last_word": 1,
            "last": 1,
        }
    )


def taps_layout(c: Configuration) -> data.StructLayout:
    """A part of a token with its eight neighbours; one outside the picture is 0."""
    names = ("middle", "up1", "down1", "up2", "down2", "left1", "right1", "left2", "right2")
    return data.StructLayout(
        {**{name: part_word(c) for name in names}, "part": part_bits(c), "head": head_layout(c)}
    )


def parameters_layout(c: Configuration) -> data.ArrayLayout:
    """One parameter of each branch, for `pool_lanes` channels."""
    return data.ArrayLayout(part_word(c), len(BRANCHES))
