"""What the parts of the dense unit hand to each other."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib import data

from hw.interfaces import TOTAL_BITS, struct
from hw.spec.commands import RECORDS, Opcode
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE

COMMAND = struct(RECORDS[Opcode.DENSE])
"""Fields of a DENSE command, which stay as they are from its `start` to its `done`."""
TARGET = data.StructLayout({"word": 13, "last": 1})
"""Where a token's result goes: its u word, and whether it is the command's last one."""
STEP = data.StructLayout(
    {
        "elements": 2 * VALUE.bits,
        "multiply": 1,
        "lane_end": 1,
        "bias": 1,
        "upper": 1,
        "finish": 1,
    }
)
"""One cycle's work, in the cycle in which its parameter word is requested and granted.

``elements``: the next two elements of the operand word (of PIXEL and where channels are pooled only
the lower one counts).  ``multiply``: they are multiplied.  ``lane_end``: where channels are pooled,
the lane's last element.  ``bias``: the parameter word is a half of the bias, the upper one if
``upper``.  ``finish``: the token's last step.
"""


def sums(c: Configuration) -> data.ArrayLayout:
    """A sum a lane."""
    return data.ArrayLayout(signed(TOTAL_BITS), c.lanes)


SERIAL = 4
"""Lanes whose results are rounded side by side."""


def result_cycles(c: Configuration) -> int:
    """Cycles in which the results of one word are rounded."""
    return c.lanes // SERIAL
