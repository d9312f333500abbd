"""The array unit: sequencer, operand reads, systolic array, result FIFO."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.fifo import ResultFifo
from hw.array.masking import Masking
from hw.array.sequencer import Sequencer
from hw.array.systolic import SystolicArray
from hw.interfaces import accumulator_word, column_read, command_stream, row_read
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration


class ArrayUnit(wiring.Component):
    """Runs LINEAR, CONTEXT and SCORE: popcount sums of row-memory by column-memory bits.

    One operand word a cycle; a group of ``words * heads * group_tiles`` words takes max(its words,
    its tokens) cycles, without bubbles across groups, tiles and commands.  CONTEXT begins every
    outer group with such a group of one beat, for all of its tiles: what their sums of
    ``ones(xnor(A, v))`` have too much, the zeros of v.  Latency from the issue of a group's last
    word to its token 0: on `score` ``max(6, group_tiles) + columns/cluster_columns`` cycles (10 for
    four clusters and two column tiles), on `result` two more.  `result` respects back-pressure;
    `score` has none but `score_ready`, asked for once a tile.

    Golden partner: the array sums in :mod:`sw.golden`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of the LINEAR record)
        LINEAR, CONTEXT or SCORE by opcode; only HEADER and ARRAY fields are read.
    row : Out(row_read)
        Row memory; always granted.
    column : Out(column_read)
        Column memory; always granted.
    result : Out(stream of accumulator_word)
        Beats of LINEAR and CONTEXT, token by token, `tokens` a group.
    score_valid : Out(1)
        `score` is a beat of SCORE.
    score : Out(accumulator_word)
        Raw popcounts of one query with `lanes` keys.
    score_ready : In(1)
        The attention unit can take one more whole tile, in the next cycle too unless one begins.
    score_tile : Out(1)
        The array begins to issue a tile of scores in this cycle.
    stall : In(1)
        No operand word is issued in this cycle.
    busy : Out(1)
        An operand word is issued in this cycle.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.LINEAR)),
                "row": Out(row_read(c)),
                "column": Out(column_read(c)),
                "result": Out(stream.Signature(accumulator_word(c))),
                "score_valid": Out(1),
                "score": Out(accumulator_word(c)),
                "score_ready": In(1),
                "score_tile": Out(1),
                "stall": In(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        m.submodules.sequencer = sequencer = Sequencer(c)
        m.submodules.masking = masking = Masking(c)
        m.submodules.array = array = SystolicArray(c)
        m.submodules.fifo = fifo = ResultFifo(c)
        # The beat to subtract is there before the beats of its tiles: all drain in order.
        surplus = Signal.like(array.result, reset_less=True)
        with m.If(sequencer.beat & sequencer.beat_subtract):
            m.d.sync += surplus.eq(array.result)
        tokens = sequencer.beat & ~sequencer.beat_score & ~sequencer.beat_subtract

        connect(m, flipped(self.command), sequencer.command)
        connect(m, fifo.result, flipped(self.result))
        m.d.comb += [
            sequencer.stall.eq(self.stall),
            sequencer.score_ready.eq(self.score_ready),
            sequencer.taken.eq(fifo.taken),
            self.score_tile.eq(sequencer.score_tile),
            self.busy.eq(sequencer.issue),
            self.row.address.eq(sequencer.step.row_address),
            self.row.request.eq(sequencer.issue),
            self.column.address.eq(sequencer.step.column_address),
            self.column.request.eq(sequencer.issue),
            masking.issue.eq(sequencer.issue),
            masking.step.eq(sequencer.step),
            masking.row_data.eq(self.row.data),
            masking.column_data.eq(self.column.data),
            array.row.eq(masking.row),
            array.column.eq(masking.column),
            array.mute.eq(masking.mute),
            array.control.eq(masking.control),
            array.token.eq(sequencer.token),
            fifo.write.eq(tokens),
            *(
                fifo.data[i].eq(
                    array.result[i] + Mux(sequencer.beat_context, surplus[i], 0).as_signed()
                )
                for i in range(c.lanes)
            ),
            self.score_valid.eq(sequencer.beat & sequencer.beat_score),
            self.score.eq(array.result),
        ]
        return m
