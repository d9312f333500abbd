"""Token pooling: the mean of windows of tokens."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import command_stream, grid_trace, u_write, value_word, x_read
from hw.pooling.arithmetic import fits, saturate
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE


class Grid(wiring.Component):
    """Mean of every window: ``mean = saturate_VALUE(round(sum over the window, shift))``.

    For every output, for every channel word, the window's words are read row by row, one a cycle,
    and added up.  The sum is then shifted by 2 bits a cycle, beside the sum of the next window;
    the last bit that drops out rounds it.

    A window of n words takes ``max(n, shift/2 + 3)`` cycles while x memory grants the reads; a
    mean is written ``shift/2 + 4`` cycles after its last read, or as soon as u memory grants it.
    Golden partner: GRID of ``hw.spec.numerics``.  Validated for windows of up to `x_words` words.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of GRID)
        Commands; the next one is taken in the cycle after the last read of one.
    x : Out(x memory read)
        Words of the windows.
    u_write : Out(u memory write)
        Means.
    stall : In(1)
        No word is read in this cycle.
    done : Out(1)
        Pulse: all means of a command are visible.
    trace_grid_valid : Out(1)
        `trace_grid` shows a write.
    trace_grid : Out(grid trace)
        Tag and means of the write.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.GRID)),
                "x": Out(x_read(c)),
                "u_write": Out(u_write(c)),
                "stall": In(1),
                "done": Out(1),
                "trace_grid_valid": Out(1),
                "trace_grid": Out(grid_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, command = self._c, self.command
        fields = Signal.like(command.payload)
        held = Signal()

        # Walk: output, channel word, window row, window column.  No multiplier: the first row of a
        # window ends where the next output's window begins.
        output, word = Signal.like(fields.outputs), Signal.like(fields.words)
        row, column = Signal.like(fields.height), Signal.like(fields.window)
        place = Signal.like(fields.base)
        row_start, word_start, next_output = (
            Signal.like(fields.base, name=name)
            for name in ("row_start", "word_start", "next_output")
        )
        last_column, last_row, last_word, last_output, first_row = (
            Signal(name=name)
            for name in ("last_column", "last_row", "last_word", "last_output", "first_row")
        )
        window_end, command_end, step = Signal(), Signal(), Signal()
        following, next_row, next_word, after_row = (
            Signal.like(fields.base, name=name)
            for name in ("following", "next_row", "next_word", "after_row")
        )
        m.d.comb += [
            window_end.eq(last_column & last_row),
            command_end.eq(window_end & last_word & last_output),
            following.eq(place + fields.token),
            next_row.eq(row_start + fields.row),
            next_word.eq(word_start + 1),
            after_row.eq(Mux(first_row, following, next_output)),
        ]
        with m.If(step):
            m.d.sync += [
                column.eq(column + 1),
                last_column.eq(column + 2 == fields.window),
                place.eq(following),
            ]
            with m.If(last_column):
                m.d.sync += [
                    column.eq(0),
                    last_column.eq(fields.window == 1),
                    row.eq(row + 1),
                    last_row.eq(row + 2 == fields.height),
                    first_row.eq(0),
                    place.eq(next_row),
                    row_start.eq(next_row),
                    next_output.eq(after_row),
                ]
                with m.If(last_row):
                    m.d.sync += [
                        row.eq(0),
                        last_row.eq(fields.height == 1),
                        word.eq(word + 1),
                        last_word.eq(word + 2 == fields.words),
                        place.eq(next_word),
                        row_start.eq(next_word),
                        word_start.eq(next_word),
                    ]
                    with m.If(last_word):
                        m.d.sync += [
                            word.eq(0),
                            last_word.eq(fields.words == 1),
                            first_row.eq(1),
                            output.eq(output + 1),
                            last_output.eq(output + 2 == fields.outputs),
                            place.eq(after_row),
                            row_start.eq(after_row),
                            word_start.eq(after_row),
                        ]
                        with m.If(last_output):
                            m.d.sync += [output.eq(0), held.eq(0)]

        m.d.comb += command.ready.eq(~held)
        with m.If(command.valid & command.ready):
            taken = command.payload
            base = taken.base
            m.d.sync += [
                fields.eq(taken),
                held.eq(1),
                last_column.eq(taken.window == 1),
                last_row.eq(taken.height == 1),
                last_word.eq(taken.words == 1),
                last_output.eq(taken.outputs == 1),
                first_row.eq(1),
                place.eq(base),
                row_start.eq(base),
                word_start.eq(base),
            ]

        # The last read of a window waits until the mean before it leaves the shifter: `may_end`,
        # foreseen by a cycle, is ``~finishing | finished``.
        finishing, finished, finishes = Signal(), Signal(), Signal()
        may_end = Signal(init=1)
        m.d.comb += [
            self.x.request.eq(held & ~self.stall & (may_end | ~window_end)),
            self.x.address.eq(place),
            step.eq(self.x.request & self.x.grant),
        ]
        with m.If(step & window_end):
            m.d.sync += [finishing.eq(1), may_end.eq(0)]
        with m.Else():
            m.d.sync += [finishing.eq(finishing & ~finished), may_end.eq(~finishing | finishes)]

        # Destination of the window that is read: from the walk, without a multiplier.
        target, output_target = (
            Signal.like(self.u_write.address, name=name) for name in ("target", "output_target")
        )
        next_target = Signal.like(target)
        m.d.comb += next_target.eq(output_target + fields.destination_token)
        with m.If(step & window_end):
            m.d.sync += target.eq(target + 1)
            with m.If(last_word):
                m.d.sync += [target.eq(next_target), output_target.eq(next_target)]
        with m.If(command.valid & command.ready):
            m.d.sync += [
                target.eq(command.payload.destination_base),
                output_target.eq(command.payload.destination_base),
            ]

        end = data.StructLayout({"tag": 12, "shift": 4, "address": len(target), "last": 1})

        def ends(name: str) -> data.View:
            return Signal(end, name=name, reset_less=True)

        # Read data, registered, then accumulated.
        arrives, closes = (Signal(2, name=name) for name in ("arrives", "closes"))
        m.d.sync += [
            arrives.eq((arrives << 1) | step),
            closes.eq((closes << 1) | window_end),
        ]
        end1, end2 = ends("end1"), ends("end2")
        m.d.sync += [
            end1.tag.eq(fields.tag),
            end1.shift.eq(fields.shift >> 1),
            end1.address.eq(target),
            end1.last.eq(command_end),
            end2.eq(end1),
        ]
        value = Signal(value_word(c), reset_less=True)
        m.d.sync += value.eq(self.x.data)

        # A window's tokens are distinct words: fewer than x_words of them.
        sum_bits = VALUE.bits + (c.x_words - 1).bit_length()
        sums = Signal(data.ArrayLayout(signed(sum_bits), c.lanes))
        added = Signal(data.ArrayLayout(signed(sum_bits), c.lanes))
        m.d.comb += [added[lane].eq(value[lane] + sums[lane]) for lane in range(c.lanes)]
        with m.If(arrives[1] & closes[1]):
            m.d.sync += sums.eq(0)
        with m.Elif(arrives[1]):
            m.d.sync += sums.eq(added)

        # Shift; the bit that dropped out last is half a unit.
        shifting = Signal()
        left = Signal(4)
        end3 = ends("end3")
        shifted = Signal(data.ArrayLayout(signed(sum_bits), c.lanes), reset_less=True)
        half = Signal(c.lanes, reset_less=True)
        out_valid = Signal()
        closing, writing = arrives[1] & closes[1], out_valid & ~self.u_write.grant
        m.d.comb += [
            finished.eq(shifting & (left == 0) & ~out_valid),
            finishes.eq(
                finished | (Mux(closing, end2.shift == 0, shifting & (left <= 1)) & ~writing)
            ),
        ]
        with m.If(closing):
            m.d.sync += [
                shifting.eq(1),
                left.eq(end2.shift),
                end3.eq(end2),
                shifted.eq(added),
                half.eq(0),
            ]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
            for lane in range(c.lanes):
                m.d.sync += [half[lane].eq(shifted[lane][1]), shifted[lane].eq(shifted[lane] >> 2)]
        with m.Elif(finished):
            m.d.sync += shifting.eq(0)

        # Clamped before it is rounded, to a range that still saturates.
        out = Signal(value_word(c), reset_less=True)
        end4 = ends("end4")
        with m.If(finished):
            m.d.sync += end4.eq(end3)
            for lane in range(c.lanes):
                total, sign = shifted[lane], shifted[lane][-1]
                near = fits(total, VALUE.bits + 1)
                top = Mux(near, total[VALUE.bits - 1], ~sign)
                mean = Cat(total[: VALUE.bits - 1], top, sign).as_signed() + half[lane]
                m.d.sync += out[lane].eq(saturate(mean, VALUE.bits))

        wrote = Signal()
        m.d.comb += [
            self.u_write.request.eq(out_valid),
            self.u_write.address.eq(end4.address),
            self.u_write.data.eq(out),
            self.u_write.mask.eq(~0),
            wrote.eq(out_valid & self.u_write.grant),
            self.trace_grid_valid.eq(wrote),
            self.trace_grid.tag.eq(end4.tag),
            self.trace_grid["mean"].eq(out),
        ]
        with m.If(finished):
            m.d.sync += out_valid.eq(1)
        with m.Elif(wrote):
            m.d.sync += out_valid.eq(0)
        m.d.sync += self.done.eq(wrote & end4.last)
        return m
