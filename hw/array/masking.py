"""Operand masking: memory words to what the array counts."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.control import control_layout
from hw.array.loops import step_layout
from hw.spec.configuration import Configuration


def exceeds(value, count: int):
    """`count` bits: bit i says whether `value`, unsigned, is greater than i.

    Eighths and places in them, each decoded by itself: LUTs in place of `count` carry chains.
    """
    fine = Array(Const((1 << k) - 1, 8) for k in range(8))[value[:3]]
    if count <= 8 and len(value) <= 3:
        return fine[:count]
    eighth, eighths = value[3:], -(-count // 8)
    above = Array(Const((1 << k) - 1, eighths) for k in range(1 << len(eighth)))[eighth]
    return Cat(above[k].replicate(8) | fine & (eighth == k).replicate(8) for k in range(eighths))[
        :count
    ]


class Masking(wiring.Component):
    """Masks the operands of an issued word when they come from memory.

    Bits below `first_bit` in a segment's first word, and from `last_bit` in its last, are cleared
    on both sides: they count 1 in XNOR.  The subtracted group of CONTEXT has a row of ones, where
    an invalid bit is a zero and takes off the 1 that it counts in every tile.  `mute` marks
    the outputs outside the segment's head.

    Latency: `issue` to `control` two cycles; memory data must be there one cycle after `issue`.
    One word a cycle, no back-pressure.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    issue : In(1)
        `step` is issued in this cycle.
    step : In(step_layout)
        The word.
    row_data : In(rows * 64)
        Row memory's word, a cycle after `issue`.
    column_data : In(columns * 64)
        Column memory's word, a cycle after `issue`.
    row : Out(rows x 64)
        Masked row operand.
    column : Out(columns x 64)
        Masked column operand.
    mute : Out(columns)
        Outputs that count nothing.
    control : Out(control_layout)
        Flags; `valid` two cycles after `issue`.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "issue": In(1),
                "step": In(step_layout(c)),
                "row_data": In(c.rows * 64),
                "column_data": In(c.columns * 64),
                "row": Out(data.ArrayLayout(64, c.rows)),
                "column": Out(data.ArrayLayout(64, c.columns)),
                "mute": Out(c.columns),
                "control": Out(control_layout(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        step = self.step

        # With the memories' read: masks and the head's lanes.
        mask, ones = Signal(64, reset_less=True), Signal(reset_less=True)
        from_bit, to_bit = Signal.like(step.first_bit), Signal.like(step.last_bit)
        m.d.comb += [
            from_bit.eq(step.first_bit & step.first.replicate(len(from_bit))),
            to_bit.eq(step.last_bit | ~step.end << 6),
        ]
        m.d.sync += [
            mask.eq(exceeds(to_bit, 64) & ~exceeds(from_bit, 64)),
            ones.eq(step.subtract),
        ]
        inside, place_bits = Signal(c.lanes, reset_less=True), (c.lanes - 1).bit_length()

        def edge(lane):
            """Bit i: lane i lies below `lane`, which is signed."""
            beyond = lane[place_bits:-1].any().replicate(c.lanes)
            below = exceeds(lane.as_unsigned()[:place_bits], c.lanes) | beyond
            return below & ~lane[-1].replicate(c.lanes)

        m.d.sync += inside.eq(edge(step.lane_high) & ~edge(step.lane_low))
        context, tile = Signal(reset_less=True), Signal.like(step.tile, reset_less=True)
        read = Signal(control_layout(c))
        m.d.sync += [
            context.eq(step.context),
            tile.eq(step.tile),
            read.valid.eq(self.issue),
            read.subtract.eq(step.subtract),
            read.last.eq(self.issue & step.last),
            *(
                read.load[g].eq(self.issue & step.last & (step.tile == g))
                for g in range(c.group_tiles)
            ),
        ]

        # Then the operands.
        control = Signal(control_layout(c))
        row, column = (
            Signal(self.row.shape(), reset_less=True),
            Signal(self.column.shape(), reset_less=True),
        )
        mute = Signal(c.columns, reset_less=True)
        m.d.sync += [
            control.eq(read),
            row.as_value().eq(
                self.row_data & mask.replicate(c.rows) | ones.replicate(len(row.as_value()))
            ),
            column.as_value().eq(self.column_data & mask.replicate(c.columns)),
        ]
        m.d.sync += mute.eq(context.replicate(c.columns) & ~inside.word_select(tile, c.columns))
        m.d.comb += [
            self.row.eq(row),
            self.column.eq(column),
            self.mute.eq(mute),
            self.control.eq(control),
        ]
        return m
