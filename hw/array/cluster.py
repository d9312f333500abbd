"""A cluster: rows x cluster_columns processing elements behind one operand register stage."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.control import ROW_CONTROL_LATENCY, RowControl, control_layout
from hw.array.element import Element
from hw.array.popcount import POPCOUNT_LATENCY
from hw.spec.configuration import Configuration
from hw.spec.numerics import ACCUMULATOR


def token_layout(c: Configuration) -> data.ArrayLayout:
    """The token that each column tile's holds show, one hot."""
    return data.ArrayLayout(c.rows, c.group_tiles)


def column_layout(c: Configuration) -> data.StructLayout:
    """A cluster's part of a column operand: 64 bits and a mute flag an output."""
    return data.StructLayout(
        {"bits": data.ArrayLayout(64, c.cluster_columns), "mute": c.cluster_columns}
    )


def cluster_result(c: Configuration) -> data.ArrayLayout:
    """One token's accumulators of a cluster: column tile, then column."""
    return data.ArrayLayout(
        data.ArrayLayout(signed(ACCUMULATOR.bits), c.cluster_columns), c.group_tiles
    )


class Cluster(wiring.Component):
    """Elements that share operands by broadcast, and pass the row operand and its flags on.

    Latency: operand to hold ``POPCOUNT_LATENCY + 1`` cycles, `token` to `result` one cycle, each
    ``*_next`` one cycle.  One word and one token a cycle, no back-pressure.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    row : In(rows x 64)
        Row operand.
    column : In(column_layout)
        Column operand of this cluster.
    control : In(control_layout)
        Flags of the operand word.
    token : In(token_layout)
        Which token's holds to show, a column tile.
    row_next : Out(rows x 64)
        `row` of the last cycle, for the next cluster.
    control_next : Out(control_layout)
        `control` of the last cycle.
    token_next : Out(token_layout)
        `token` of the last cycle.
    result : Out(cluster_result)
        Accumulators of the token that `token` named in the last cycle.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        row = data.ArrayLayout(64, c.rows)
        super().__init__(
            {
                "row": In(row),
                "column": In(column_layout(c)),
                "control": In(control_layout(c)),
                "token": In(token_layout(c)),
                "row_next": Out(row),
                "control_next": Out(control_layout(c)),
                "token_next": Out(token_layout(c)),
                "result": Out(cluster_result(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        row_next = Signal(self.row.shape(), reset_less=True)
        token_next = Signal(self.token.shape(), reset_less=True)
        control_next = Signal(control_layout(c))
        m.d.sync += [
            row_next.eq(self.row),
            control_next.eq(self.control),
            token_next.eq(self.token),
        ]
        m.d.comb += [
            self.row_next.eq(row_next),
            self.control_next.eq(control_next),
            self.token_next.eq(token_next),
        ]

        # A column's mute waits here for the popcounts; so do the flags, the last two stages in
        # each row.
        mute = self.column.mute
        for stage in range(POPCOUNT_LATENCY - 1):
            mute_later = Signal(c.cluster_columns, name=f"mute{stage}", reset_less=True)
            m.d.sync += mute_later.eq(mute)
            mute = mute_later

        control = control_next
        for stage in range(POPCOUNT_LATENCY - 1 - ROW_CONTROL_LATENCY):
            control_later = Signal(control_layout(c), name=f"control{stage}")
            m.d.sync += control_later.eq(control)
            control = control_later

        holds = {}
        for row in range(c.rows):
            m.submodules[f"control_{row}"] = flags = RowControl(c)
            m.d.comb += flags.control.eq(control)
            for column in range(c.cluster_columns):
                element = Element(c)
                m.submodules[f"element_{row}_{column}"] = element
                m.d.comb += [
                    element.row.eq(self.row[row]),
                    element.column.eq(self.column.bits[column]),
                    element.subtract.eq(flags.subtract),
                    element.mute.eq(mute[column]),
                    element.enable.eq(flags.enable),
                    element.last.eq(flags.last),
                    element.load.eq(flags.load),
                ]
                for tile in range(c.group_tiles):
                    holds[tile, row, column] = element.result[tile]
        for tile in range(c.group_tiles):
            tokens = [
                Cat(*(holds[tile, row, column] for column in range(c.cluster_columns)))
                for row in range(c.rows)
            ]
            chosen = [
                token & show.replicate(len(token))
                for token, show in zip(tokens, self.token[tile], strict=True)
            ]
            shown = Signal(
                c.cluster_columns * ACCUMULATOR.bits, name=f"shown{tile}", reset_less=True
            )
            m.d.sync += shown.eq(reduce(or_, chosen))
            m.d.comb += self.result[tile].as_value().eq(shown)
        return m
