"""What the parts of the dense unit hand to each other."""

from __future__ import annotations

from amaranth.hdl import Const, Value, signed
from amaranth.lib import data

from hw.interfaces import TOTAL_BITS, struct
from hw.spec.commands import RECORDS, Opcode, Operand
from hw.spec.configuration import PAIRED_FROM, Configuration
from hw.spec.numerics import VALUE

COMMAND = struct(RECORDS[Opcode.DENSE])
"""Fields of a DENSE command, which stay as they are from its `start` to its `done`."""
TARGET = data.StructLayout({"word": 13, "last": 1})
"""Where a token's result goes: its u word, and whether it is the command's last one."""


def step(c: Configuration) -> data.StructLayout:
    """One cycle's work, in the cycle in which its parameter word is requested and granted.

    ``elements``: the next two elements of the operand word (of PIXEL and where channels are pooled
    only the lower one counts).  ``second``: those of the token beside it (`dense_tokens` = 2).
    ``multiply``: they are multiplied.  ``lane_end``: where channels are pooled, the lane's last
    element.  ``bias``: the parameter word is a half of the bias, the upper one if ``upper``.
    ``finish``: the token's last step.  ``both``: the second token's too.
    """
    return data.StructLayout(
        {
            "elements": 2 * VALUE.bits,
            "multiply": 1,
            "lane_end": 1,
            "bias": 1,
            "upper": 1,
            "finish": 1,
        }
        | ({"second": 2 * VALUE.bits, "both": 1} if c.dense_tokens == 2 else {})
    )


def by_pairs(c: Configuration, command: data.View) -> Value:
    """Whether a command takes its tokens two at a time: enough operands of 8 bits, and no bias."""
    if c.dense_tokens == 1:
        return Const(0, 1)
    bytes_ = (command.operand != Operand.VALUE) & (command.pool == 0)
    return bytes_ & ~command.bias & (command.pairs >= PAIRED_FROM)


def sums(c: Configuration) -> data.ArrayLayout:
    """A sum a lane."""
    return data.ArrayLayout(signed(TOTAL_BITS), c.lanes)


SERIAL = 4
"""Lanes whose results are rounded side by side."""


def result_cycles(c: Configuration) -> int:
    """Cycles in which the results of one word are rounded."""
    return c.lanes // SERIAL
