"""Operand masking: memory words to what the array counts."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.control import control_layout
from hw.array.loops import step_layout
from hw.spec.configuration import Configuration


class Masking(wiring.Component):
    """Masks the operands of an issued word when they come from memory.

    Bits below `first_bit` in a segment's first word, and from `last_bit` in its last, are cleared
    on both sides: they count 1 in XNOR.  The subtracted pass of CONTEXT has a row of ones, where
    an invalid bit is a zero and takes off the 1 that it counted in the pass before.  `mute` marks
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
        valid_bits = Signal(64)
        for i in range(64):
            m.d.comb += valid_bits[i].eq(
                ~((step.first & (step.first_bit > i)) | (step.end & (step.last_bit <= i)))
            )
        m.d.sync += [mask.eq(valid_bits), ones.eq(step.subtract)]
        edge = range(c.lanes + 1)
        low, high = Signal(edge, reset_less=True), Signal(edge, reset_less=True)
        for lane, value in ((low, step.lane_low), (high, step.lane_high)):
            m.d.sync += lane.eq(Mux(value < 0, 0, Mux(value > c.lanes, c.lanes, value)))
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
        for k in range(c.columns):
            inside = Signal(c.group_tiles, name=f"inside{k}")
            m.d.comb += [
                inside[g].eq((low <= g * c.columns + k) & (high > g * c.columns + k))
                for g in range(c.group_tiles)
            ]
            m.d.sync += mute[k].eq(context & ~inside.bit_select(tile, 1))
        m.d.comb += [
            self.row.eq(row),
            self.column.eq(column),
            self.mute.eq(mute),
            self.control.eq(control),
        ]
        return m
