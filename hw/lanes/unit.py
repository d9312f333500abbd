"""The lanes: operands, parameters, datapath, channel pool, and the writes of values and bits."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.interfaces import (
    Multipliers,
    accumulator_word,
    column_write,
    command_stream,
    lanes_trace,
    parameter_read,
    row_write,
    u_read,
    u_write,
    x_read,
    x_write,
)
from hw.lanes import beat as cycles
from hw.lanes.addressing import Addressing
from hw.lanes.beat import beat_layout, done_cycle
from hw.lanes.bits import ColumnBits, RowBits
from hw.lanes.datapath import Datapath
from hw.lanes.delay import Delay, chain
from hw.lanes.operands import Operands
from hw.lanes.parameters import FETCH, ParameterFetch
from hw.lanes.pool import ChannelPool
from hw.lanes.staging import Staging
from hw.lanes.store import StoreValues
from hw.lanes.walker import Walker
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration


class Lanes(wiring.Component):
    """Post-processes LINEAR, CONTEXT, PASS, AFFINE: ``y``, ``out``, channel means, bits.

    A beat is admitted when its result, its parameters and the read ports are there; behind that
    nothing stalls.  One beat a cycle, without bubbles across groups, tiles and commands; a group
    that brings its own n parameter words takes at least n cycles, a group of ROW at least `sets`
    cycles, and a transposed block ``group_tiles - 1`` cycles more.  From the admission, values are
    written in cycle 16, row bits of set k in cycle 15 + k, key bits in cycle 16, the words of a
    transposed block from cycle 16 on; `done` comes 17 cycles after a command's last beat
    (``15 + group_tiles`` if that is more).  All memories must grant writes always.

    Golden partner: the post-processor in :mod:`sw.golden`.  Validated for pool 0..3, inner 1 with
    VALUE, sets 1 with KEY and VALUE.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of the LINEAR record)
        LINEAR, CONTEXT, PASS or AFFINE by opcode.
    result : In(stream of accumulator_word)
        Raw accumulators: beats of LINEAR and CONTEXT in order, none for PASS and AFFINE.
    x : Out(x_read)
        X memory.
    u : Out(u_read)
        U memory.
    parameter : Out(parameter_read)
        Parameter memory.
    x_write : Out(x_write)
        X memory.
    u_write : Out(u_write)
        U memory.
    row_write : Out(row_write).array(rows)
        Row memory, a port a token slot.
    column_write : Out(column_write)
        Column memory.
    multipliers : In(Multipliers)
        Lent in the cycles without a beat.
    stall : In(1)
        No beat is admitted in this cycle.
    busy : Out(1)
        A beat is admitted in this cycle.
    done : Out(1)
        A command's last write happens no later than in this cycle.
    trace_valid : Out(1)
        `trace` is a beat.
    trace : Out(lanes_trace)
        What a beat gave; ``pooled``: the word to store (means repeated; out where not pooled);
        ``bits``: comparisons with all three thresholds, absent ones 0.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.LINEAR)),
                "result": In(stream.Signature(accumulator_word(c))),
                "x": Out(x_read(c)),
                "u": Out(u_read(c)),
                "parameter": Out(parameter_read(c)),
                "x_write": Out(x_write(c)),
                "u_write": Out(u_write(c)),
                "row_write": Out(row_write(c)).array(c.rows),
                "column_write": Out(column_write(c)),
                "multipliers": In(Multipliers(c)),
                "stall": In(1),
                "busy": Out(1),
                "done": Out(1),
                "trace_valid": Out(1),
                "trace": Out(lanes_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        m.submodules.staging = staging = Staging(c)
        m.submodules.fetch = fetch = ParameterFetch(c)
        m.submodules.walker = walker = Walker(c)
        m.submodules.operands = operands = Operands(c)
        m.submodules.datapath = datapath = Datapath(c)
        m.submodules.pool = pool = ChannelPool(c)
        m.submodules.addressing = addressing = Addressing(c)
        m.submodules.store = store = StoreValues(c)
        m.submodules.row_bits = row_bits = RowBits(c)
        m.submodules.column_bits = column_bits = ColumnBits(c)

        # A command stays until staging and parameter fetch have both taken it, each in its time.
        took = []
        for taker, payload in (
            (staging.command, self.command.payload),
            (fetch.command, Cat(self.command.payload[name] for name in FETCH.members)),
        ):
            done = Signal(name=f"took{len(took)}")
            m.d.comb += [
                taker.valid.eq(self.command.valid & ~done),
                Value.cast(taker.payload).eq(payload),
            ]
            m.d.sync += done.eq(self.command.valid & (done | taker.ready) & ~self.command.ready)
            took.append(done | taker.ready)
        m.d.comb += self.command.ready.eq(took[0] & took[1])
        connect(m, staging.staged, walker.staged)
        connect(m, fetch.read, flipped(self.parameter))

        # The walker is a beat ahead, or two: it does not see admission, only whether `spare` is
        # taken, a register.
        walked = data.StructLayout(
            {
                "beat": beat_layout(c),
                "residual_word": 13,
                "main_word": 13,
                "gap": walker.gap.shape(),
            }
        )
        present, spare = Signal(walked, reset_less=True), Signal(walked, reset_less=True)
        there, kept, moves = Signal(), Signal(), Signal()
        admit, open_, gap = Signal(), Signal(), Signal.like(walker.gap)
        m.d.comb += [moves.eq(~there | admit), walker.advance.eq(walker.active & ~kept)]
        with m.If(~kept):
            m.d.sync += [
                spare.beat.eq(walker.beat),
                spare.residual_word.eq(walker.residual_word),
                spare.main_word.eq(walker.main_word),
                spare.gap.eq(walker.gap),
            ]
        with m.If(moves):
            m.d.sync += [there.eq(kept | walker.active), kept.eq(0), present.eq(spare)]
            with m.If(~kept):
                m.d.sync += [
                    present.beat.eq(walker.beat),
                    present.residual_word.eq(walker.residual_word),
                    present.main_word.eq(walker.main_word),
                    present.gap.eq(walker.gap),
                ]
        with m.Else():
            m.d.sync += kept.eq(kept | walker.active)

        # Admission.
        m.d.comb += [
            open_.eq(there & fetch.ready & operands.granted & (gap == 0) & ~self.stall),
            self.result.ready.eq(open_ & ~present.beat.skip),
            admit.eq(open_ & (self.result.valid | present.beat.skip)),
            operands.admit.eq(admit),
            self.busy.eq(admit),
            fetch.advance.eq(admit & present.beat.last_of_set),
        ]
        with m.If(admit):
            m.d.sync += gap.eq(present.gap)
        with m.Elif(gap != 0):
            m.d.sync += gap.eq(gap - 1)

        # [0..2] The beat, its operands and addresses.
        beat = Signal(beat_layout(c), reset_less=True)
        valid = chain(m, admit, done_cycle(c), reset_less=False)
        m.d.sync += beat.eq(present.beat)
        m.d.comb += [
            operands.beat.eq(present.beat),
            operands.residual_word.eq(present.residual_word),
            operands.main_word.eq(present.main_word),
            addressing.beat.eq(beat),
        ]
        connect(m, operands.x, flipped(self.x))
        connect(m, operands.u, flipped(self.u))

        # [0..14] The lanes.  Two multipliers of each are lent between beats.
        lent = self.multipliers
        m.d.comb += [
            lent.taken.eq(admit),
            operands.second.eq(lent.second),
            *(
                getattr(datapath, name).eq(getattr(lent, name))
                for name in ("minus_first", "raised", "first_weight", "second_weight")
            ),
            lent.total.eq(datapath.total),
            datapath.accumulator.eq(self.result.payload),
            datapath.valid.eq(valid[1]),
            datapath.beat.eq(beat),
            datapath.field.eq(fetch.field),
            datapath.write_set.eq(fetch.set),
            datapath.parameter.eq(fetch.read.data),
            datapath.residual.eq(operands.residual),
            datapath.main.eq(operands.main),
        ]
        last_of_set = chain(m, beat.last_of_set, cycles.OUT - 1)[-1]
        m.d.comb += fetch.release.eq(valid[cycles.OUT] & last_of_set)

        # [11..16] Values to x and u memory.
        m.submodules.store_delay = store_delay = Delay(
            addressing.store.shape(), cycles.STORED - 1 - 2
        )
        m.d.comb += [
            store_delay.input.eq(addressing.store),
            store.store.eq(store_delay.output),
            store.valid.eq(valid[cycles.STORED - 1]),
            store.word.eq(pool.word),
            pool.y.eq(datapath.y),
            pool.kept.eq(datapath.kept),
            pool.pool.eq(Mux(store_delay.output.pooled, store_delay.output.pool, 0)),
        ]
        connect(m, store.x_write, flipped(self.x_write))
        connect(m, store.u_write, flipped(self.u_write))

        # [14..] Bits to row and column memory.
        m.submodules.place_delay = place_delay = Delay(addressing.place.shape(), cycles.BIT - 2)
        m.d.comb += [
            place_delay.input.eq(addressing.place),
            row_bits.valid.eq(valid[cycles.BIT]),
            row_bits.place.eq(place_delay.output),
            row_bits.bits.eq(datapath.bits),
            column_bits.valid.eq(valid[cycles.BIT]),
            column_bits.place.eq(place_delay.output),
            column_bits.bits.eq(datapath.bits[0]),
        ]
        for port, outer in zip(row_bits.write, self.row_write, strict=True):
            connect(m, port, flipped(outer))
        connect(m, column_bits.write, flipped(self.column_write))

        # Completion, and the trace (gone from a netlist that leaves it open).
        last = chain(m, beat.last & valid[1], done_cycle(c) - 1, reset_less=False)[-1]
        m.d.comb += [self.done.eq(last), self.trace_valid.eq(valid[cycles.STORED])]
        for name, member, cycle in (
            ("tag", beat.tag, 1),
            ("s", datapath.sum, 2),
            ("y", datapath.y, cycles.Y),
            ("out", datapath.out, cycles.OUT),
            ("bits", datapath.bits, cycles.BIT),
        ):
            delay = Delay(len(Value.cast(member)), cycles.STORED - cycle)
            m.submodules[f"trace_{name}"] = delay
            m.d.comb += [delay.input.eq(member), Value.cast(self.trace[name]).eq(delay.output)]
        m.d.comb += self.trace.pooled.eq(pool.word)
        return m
