"""The systolic array: clusters in a row, operand skew, de-skew of results."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.cluster import Cluster, column_layout, token_layout
from hw.array.control import control_layout
from hw.array.popcount import POPCOUNT_LATENCY
from hw.interfaces import accumulator_word
from hw.spec.configuration import Configuration

HOLD_LATENCY = POPCOUNT_LATENCY + 1
"""Cycles from an operand at cluster 0 to its sum in a hold there."""


def drain_latency(c: Configuration) -> int:
    """Cycles from `token` to its beat on `result`: a skew of clusters and tiles, a multiplexer."""
    return (c.columns // c.cluster_columns - 1) + (c.group_tiles - 1) + 1


def _delayed(m: Module, value, cycles: int, name: str):
    """`value`, `cycles` later, without reset."""
    for stage in range(cycles):
        later = Signal(Shape.cast(value.shape()), name=f"{name}_{stage}", reset_less=True)
        m.d.sync += later.eq(value)
        value = later
    return value


class SystolicArray(wiring.Component):
    """``rows x columns`` elements in clusters: rows pass on, columns are delayed, results align.

    The row operand, its control and the drain's token pass one cluster a cycle; cluster i's
    column operand waits i cycles.  Token t of column tile g leaves cluster i at ``t + g + i``;
    delay lines bring all `lanes` outputs of a token to one beat, lane = tile*columns + column.

    Latency: operand to hold `HOLD_LATENCY`, `token` to `result` `drain_latency`, both for
    cluster 0 and the rest skewed alike.  One word and one token a cycle; no back-pressure: who
    gives operands and tokens sees to it that a hold is read before it is loaded again.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    row : In(rows x 64)
        Row operand, masked.
    column : In(columns x 64)
        Column operand, masked.
    mute : In(columns)
        Outputs for which this word counts nothing.
    control : In(control_layout)
        Flags of the word.
    token : In(rows)
        One hot: token to show from the holds of column tile 0; tile g shows it g cycles later.
    result : Out(accumulator_word)
        Accumulators of a token.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "row": In(data.ArrayLayout(64, c.rows)),
                "column": In(data.ArrayLayout(64, c.columns)),
                "mute": In(c.columns),
                "control": In(control_layout(c)),
                "token": In(c.rows),
                "result": Out(accumulator_word(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        width, clusters = c.cluster_columns, c.columns // c.cluster_columns

        token = Signal(token_layout(c))
        for tile in range(c.group_tiles):
            m.d.comb += token[tile].eq(_delayed(m, self.token, tile, f"token{tile}"))

        row, control = self.row, self.control
        for i in range(clusters):
            m.submodules[f"cluster{i}"] = cluster = Cluster(c)
            own = slice(i * width, (i + 1) * width)
            column = Signal(column_layout(c), name=f"column{i}")
            m.d.comb += [
                column.bits.eq(Cat(self.column[k] for k in range(own.start, own.stop))),
                column.mute.eq(self.mute[own]),
            ]
            m.d.comb += [
                cluster.row.eq(row),
                cluster.control.eq(control),
                cluster.token.eq(token),
                cluster.column.as_value().eq(_delayed(m, column.as_value(), i, f"column{i}_skew")),
            ]
            row, control, token = cluster.row_next, cluster.control_next, cluster.token_next
            for tile in range(c.group_tiles):
                wait = (clusters - 1 - i) + (c.group_tiles - 1 - tile)
                aligned = _delayed(m, cluster.result[tile].as_value(), wait, f"result{i}_{tile}")
                first = tile * c.columns + own.start
                m.d.comb += Cat(self.result[first + k] for k in range(width)).eq(aligned)
        return m
