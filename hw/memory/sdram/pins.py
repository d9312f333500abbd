"""Shapes between the parts of the SDRAM controller, and its pins."""

from __future__ import annotations

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.memory.sdram.chip import WORD_BITS, SdramChip

CODE = data.StructLayout({"ras": 1, "cas": 1, "we": 1})
"""A command, 1 where its pin is low."""

ACTIVATE = CODE.const({"ras": 1})
READ = CODE.const({"cas": 1})
WRITE = CODE.const({"cas": 1, "we": 1})
PRECHARGE = CODE.const({"ras": 1, "we": 1})
REFRESH = CODE.const({"ras": 1, "cas": 1})
SET_MODE = CODE.const({"ras": 1, "cas": 1, "we": 1})
ALL_BANKS = 1 << 10
"""Address bit that makes PRECHARGE close every bank."""


class SdramPins(wiring.Signature):
    """Pins of the chip but its clock, seen from the controller; 1 where a command pin is active.

    `dq_i` is the data pins as they are; every output comes from a register of its own.
    """

    def __init__(self, chip: SdramChip) -> None:
        super().__init__(
            {
                "clk_en": Out(1),
                "cs": Out(1),
                "ras": Out(1),
                "cas": Out(1),
                "we": Out(1),
                "ba": Out(chip.bank_bits),
                "a": Out(chip.row_bits),
                "dqm": Out(WORD_BITS // 8),
                "dq_o": Out(WORD_BITS),
                "dq_oe": Out(1),
                "dq_i": In(WORD_BITS),
            }
        )


def command_layout(chip: SdramChip) -> data.StructLayout:
    """A command with its bank and address."""
    return data.StructLayout({"code": CODE, "bank": chip.bank_bits, "address": chip.row_bits})


def segment_layout(chip: SdramChip) -> data.StructLayout:
    """Beats of a burst that lie in one row; `column` and `beats` count beats."""
    return data.StructLayout(
        {
            "write": 1,
            "bank": chip.bank_bits,
            "row": chip.row_bits,
            "column": chip.column_bits - 3,
            "beats": chip.column_bits - 2,
        }
    )
