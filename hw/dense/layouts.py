"""What the parts of the dense unit hand to each other."""

from __future__ import annotations

from amaranth.lib import data

from hw.interfaces import struct
from hw.spec.commands import RECORDS, Opcode
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE

COMMAND = struct(RECORDS[Opcode.DENSE])
"""Fields of a DENSE command, which stay as they are from its `start` to its `done`."""


def step_layout(c: Configuration) -> data.StructLayout:
    """One cycle's work, in the cycle in which its parameter word is requested and granted.

    ``elements``: the next two elements of the operand word.  ``multiply``: they count; with
    ``first`` they begin a token's sum.  ``high``: the second element of a VALUE pair.
    ``fetched``: a parameter word comes in the next cycle.  ``one``: the lane that takes the
    element when channels are pooled.  ``bias``: the parameter word is a half of the bias, the
    upper one if ``upper``.  ``finish``: the token's last step.
    """
    return data.StructLayout(
        {
            "elements": 2 * VALUE.bits,
            "multiply": 1,
            "first": 1,
            "high": 1,
            "fetched": 1,
            "one": c.lanes,
            "bias": 1,
            "upper": 1,
            "finish": 1,
        }
    )
