"""What travels with a beat, and the cycle (after its admission in cycle 0) of every event."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib import data

from hw.spec.configuration import Configuration

RESIDUAL, PRODUCT, BIAS, SLOPE, ROUND, Y, SUM_OUT, OUT, BIT = 2, 3, 3, 6, 9, 11, 12, 13, 14
"""Cycles in which a register of the lane holds: the operands of the first products; the products;
the bias; both slopes; the rounded product and offset_out; y; y + main; out; the bits."""
STORED = 16
"""Cycle in which a word is written to x or u memory."""
ROW_WRITE = 15
"""Cycle in which set 0 is written to row memory; set k is k cycles later."""
COLUMN_WRITE = 16
"""Cycle in which a key's bits, or a transposed block's first word, are written."""
SETS = 8
"""Parameter sets (groups in flight or prefetched); a LUT RAM holds both slopes of each."""


def done_cycle(c: Configuration) -> int:
    """Cycle of a command's last write to any memory."""
    return max(STORED, ROW_WRITE + 2, COLUMN_WRITE + c.group_tiles - 1)


def beat_layout(c: Configuration) -> data.StructLayout:
    """A beat as the walker names it: fields of its command, and addresses before their last sum.

    ``skip``: PASS or AFFINE, no array result belongs to it and s is 0.  ``zero``: PASS, y is 0.
    ``first``: inner group 0, whose residual is read from memory.  ``flush``: VALUE, the block of
    keys ends here.  ``last``: of its command.  ``destination_word``, ``bits_word``: addresses that
    ``group`` and ``key`` are still added to.  ``inner``: an inner group follows, ``next_group``.
    """
    return data.StructLayout(
        {
            "tag": 12,
            "set": range(SETS),
            "skip": 1,
            "zero": 1,
            "double": 1,
            "offset": signed(16),
            "gain_shift": 2,
            "slope_shift": 2,
            "residual": 2,
            "first": 1,
            "main": 2,
            "slot": range(c.rows + 1),
            "parameter_fields": 9,
            "residual_gain": signed(16),
            "slope_positive": signed(16),
            "destination": 2,
            "destination_word": 13,
            "pooled": 1,
            "pool": 3,
            "group": 10,
            "inner": 1,
            "next_group": 10,
            "bits": 2,
            "bits_from_out": 1,
            "sets": 2,
            "bits_set": 12,
            "bits_word": 13,
            "key": 12,
            "flush": 1,
            "last_of_set": 1,
            "last": 1,
        }
    )


def store_layout(c: Configuration) -> data.StructLayout:
    """Where a beat's values go: memory, word, and for pooled ones the part of it.

    ``first``: inner group 0.  ``kept``: the next inner group fills another part of the same word.
    """
    return data.StructLayout(
        {
            "destination": 2,
            "word": 13,
            "pooled": 1,
            "pool": 3,
            "part": 3,
            "slot": range(c.rows + 1),
            "first": 1,
            "kept": 1,
        }
    )


def bits_layout(c: Configuration) -> data.StructLayout:
    """Where a beat's bits go.

    ``word``: address of set 0, step: words between sets.  ``part``: of the word of 64 bits.
    ``column``: KEY, the output in the word.  ``index``: VALUE, the key in its block.
    """
    return data.StructLayout(
        {
            "bits": 2,
            "word": 13,
            "step": 12,
            "sets": 2,
            "slot": range(c.rows + 1),
            "part": range(64 // c.lanes),
            "column": range(c.columns),
            "index": range(c.lanes),
            "flush": 1,
        }
    )
