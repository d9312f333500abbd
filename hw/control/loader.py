"""Loads words from external memory into the on-chip memories."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.control.bursts import Bursts
from hw.control.queue import BlockQueue, Queue
from hw.interfaces import (
    PORT_REQUEST,
    column_write,
    command_stream,
    exp_write,
    parameter_write,
    x_write,
)
from hw.spec.commands import Opcode, Target
from hw.spec.configuration import Configuration

BURST_BEATS = 32
FLIGHT_BEATS = 64
"""Beats requested ahead: enough for one beat a cycle at a latency of 32 cycles, and not so many
that a command fetch waits long behind them."""
COMMANDS_AHEAD = 8


class Loader(wiring.Component):
    """Runs LOAD: reads ``words`` words from beat `address` on and writes them to a target memory.

    Words of x are gathered, since the lanes leave few writes free; other beats go to their part of
    the word with the write mask, so that a wide word costs no register.  Requests run ahead by up
    to 64 beats and 8 commands, so commands of more beats than one follow each other without a
    bubble; every beat that was requested has its place in a queue, so a load that cannot write
    never holds the port.

    Latency: a beat is written 3 cycles after its acceptance.  One beat a cycle.  Respects
    back-pressure of the granted writes.  Golden partner: none (a copy).
    Validated for all targets, 1 to 300 beats a command, random stalls and grants.

    Parameters
    ----------
    configuration : Configuration
        Gives column_beats, lane_beats and the memories.

    Members
    -------
    command : In(command_stream(LOAD))
        Commands.
    request : Out(stream of PORT_REQUEST)
        Bursts.
    data : In(stream of port_bits)
        Their beats.
    x_write : Out(x_write(configuration))
        Whole words, gathered from beats of 8 lanes, low lanes first.
    column_write : Out(column_write(configuration))
        2 columns a beat, low columns first.
    parameter_write : Out(parameter_write(configuration))
        8 parameters a beat, low lanes first.
    exp_write : Out(exp_write(configuration))
        An entry a beat, its low 24 bits.
    stall : In(1)
        No beat is accepted in a cycle with it high.
    done : Out(1)
        A command's last beat was written in the cycle before.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.LOAD)),
                "request": Out(stream.Signature(PORT_REQUEST)),
                "data": In(stream.Signature(c.port_bits)),
                "x_write": Out(x_write(c)),
                "column_write": Out(column_write(c)),
                "parameter_write": Out(parameter_write(c)),
                "exp_write": Out(exp_write(c)),
                "stall": In(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        write = data.StructLayout({"target": 2, "word": 13, "words": 13})
        m.submodules.bursts = bursts = Bursts(c, BURST_BEATS, FLIGHT_BEATS, write=False)
        m.submodules.writes = writes = Queue(c, write, COMMANDS_AHEAD)
        m.submodules.beats = beats = BlockQueue(c, c.port_bits, FLIGHT_BEATS)
        connect(m, bursts.request, flipped(self.request))

        # Beats of a word, a power of two each.
        beats_of = {
            Target.COLUMN: c.column_beats,
            Target.PARAMETER: c.lane_beats,
            Target.X: c.lane_beats,
            Target.EXP: 1,
        }
        shift = Array(Const(beats_of[t].bit_length() - 1, 2) for t in Target)
        command = self.command.payload
        m.d.comb += [
            self.command.ready.eq(bursts.transfer.ready & writes.input.ready),
            bursts.transfer.valid.eq(self.command.valid & writes.input.ready),
            bursts.transfer.payload.address.eq(command.address),
            bursts.transfer.payload.beats.eq(command.words << shift[command.target]),
            writes.input.valid.eq(self.command.valid & bursts.transfer.ready),
            *(writes.input.payload[key].eq(command[key]) for key in ("target", "word", "words")),
        ]

        take = Signal()
        budget = Signal(range(FLIGHT_BEATS + 1), init=FLIGHT_BEATS)
        m.d.comb += [
            beats.input.payload.eq(self.data.payload),
            beats.input.valid.eq(self.data.valid & ~self.stall),
            # A beat that was requested has its place.
            self.data.ready.eq(~self.stall),
            bursts.budget.eq(budget),
        ]
        # A beat's place is free again when it leaves the queue.
        m.d.sync += budget.eq(budget + take - bursts.spent)

        # Where the next beat goes.
        active = Signal()
        target = Signal(Target)
        word = Signal(13)
        words = Signal(13)
        part = Signal(3)
        last_part = Signal(3)
        # It is the last beat of a word; the word is the last.
        ends_word, last_word = Signal(), Signal()
        last = ends_word & last_word
        with m.If(take):
            m.d.sync += [part.eq(part + 1), ends_word.eq(part + 1 == last_part)]
            with m.If(ends_word):
                m.d.sync += [
                    part.eq(0),
                    ends_word.eq(last_part == 0),
                    word.eq(word + 1),
                    words.eq(words - 1),
                    last_word.eq(words == 2),
                ]
        # The queue's head is copied a cycle before it leaves, which asks nothing of its level.
        copied = Signal()
        m.d.comb += writes.output.ready.eq(copied)
        m.d.sync += copied.eq(0)
        with m.If(take & last):
            m.d.sync += active.eq(0)
        with m.If(writes.output.valid & ~copied & (~active | (take & last))):
            m.d.sync += [
                copied.eq(1),
                active.eq(1),
                target.eq(writes.output.payload.target),
                word.eq(writes.output.payload.word),
                words.eq(writes.output.payload.words),
                last_part.eq(Array(beats_of[t] - 1 for t in Target)[writes.output.payload.target]),
                ends_word.eq(Array(beats_of[t] == 1 for t in Target)[writes.output.payload.target]),
                last_word.eq(writes.output.payload.words == 1),
            ]

        # The beat that is being written.
        writing = Signal()
        goes_to = Signal(Target)
        address = Signal(13)
        place = Signal(3)
        ends_command = Signal()
        beat = Signal(c.port_bits, reset_less=True)
        gathered = beat
        with m.If(take):
            m.d.sync += beat.eq(beats.output.payload)
        if c.lane_beats > 1:
            before = Signal((c.lane_beats - 1) * c.port_bits, reset_less=True)
            gathered = Cat(before, beat)
            with m.If(take):
                m.d.sync += before.eq(gathered[c.port_bits :])
        ports = {
            Target.COLUMN: (self.column_write, c.column_beats),
            Target.PARAMETER: (self.parameter_write, c.lane_beats),
            Target.X: (self.x_write, 1),
            Target.EXP: (self.exp_write, 1),
        }
        written = Signal()
        for which, (port, count) in ports.items():
            chosen = writing & (goes_to == which)
            parts = len(port.mask) // count
            m.d.comb += [
                port.request.eq(chosen),
                port.address.eq(address),
                port.data.eq(gathered if which == Target.X else beat.replicate(count)),
            ]
            for i in range(count):
                m.d.comb += port.mask[i * parts : (i + 1) * parts].eq(
                    ((place == i) | (count == 1)).replicate(parts)
                )
            with m.If(chosen):
                m.d.comb += written.eq(port.grant)
        m.d.comb += [
            take.eq(active & beats.output.valid & (~writing | written)),
            beats.output.ready.eq(active & (~writing | written)),
        ]
        with m.If(~writing | written):
            m.d.sync += [
                writing.eq(take & ((target != Target.X) | ends_word)),
                goes_to.eq(target),
                address.eq(word),
                place.eq(part),
                ends_command.eq(last),
            ]
        m.d.sync += self.done.eq(written & ends_command)
        return m
