"""Stores words of x or u memory to external memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.control.bursts import TRANSFER, Bursts
from hw.control.queue import BlockQueue, Queue
from hw.interfaces import PORT_REQUEST, command_stream, u_read, x_read
from hw.spec.commands import Opcode, Source
from hw.spec.configuration import Configuration

BURST_BEATS = 16
BUFFER_BEATS = 32


class Store(wiring.Component):
    """Runs STORE: writes ``words`` words of x or u memory from beat `address` on, low lanes first.

    A burst is requested when all its beats are in the buffer, so that a store never holds the port
    while it waits for its memory.

    Latency: the first beat leaves after a burst (16 beats or the command) has been read.  One beat
    a cycle while reads are granted, across commands less 2 cycles.  Respects back-pressure.  Golden
    partner: none (a copy).  Validated for both sources, 1 to 100 words, random grants and stalls.

    Parameters
    ----------
    configuration : Configuration
        Gives lane_beats and the memories.

    Members
    -------
    command : In(command_stream(STORE))
        Commands.
    request : Out(stream of PORT_REQUEST)
        Bursts.
    data : Out(stream of port_bits)
        Their beats.
    x : Out(x_read(configuration))
        x memory.
    u : Out(u_read(configuration))
        u memory.
    stall : In(1)
        No word is read in a cycle with it high.
    done : Out(1)
        A command's last beat was accepted in the cycle before.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.STORE)),
                "request": Out(stream.Signature(PORT_REQUEST)),
                "data": Out(stream.Signature(c.port_bits)),
                "x": Out(x_read(c)),
                "u": Out(u_read(c)),
                "stall": In(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        n = c.lane_beats
        beat = data.StructLayout({"bits": c.port_bits, "last": 1})
        m.submodules.transfers = transfers = Queue(c, TRANSFER, 2)
        m.submodules.bursts = bursts = Bursts(c, BURST_BEATS, BUFFER_BEATS, write=True)
        m.submodules.buffer = buffer = BlockQueue(c, beat, BUFFER_BEATS)
        connect(m, transfers.output, bursts.transfer)
        connect(m, bursts.request, flipped(self.request))

        # Read words: one every `lane_beats` cycles, with room in the buffer for all its beats.
        active = Signal()
        source = Signal(Source)
        word = Signal(13)
        words = Signal(13)
        pause = Signal(range(max(2, n)))
        room = Signal(range(BUFFER_BEATS + 1), init=BUFFER_BEATS)
        want = Signal()
        granted = Signal()
        last = Signal()
        command = self.command.payload
        m.d.comb += [
            want.eq(active & (pause == 0) & (room >= n) & ~self.stall),
            self.x.address.eq(word),
            self.u.address.eq(word),
            self.x.request.eq(want & (source == Source.X)),
            self.u.request.eq(want & (source != Source.X)),
            granted.eq(want & Mux(source == Source.X, self.x.grant, self.u.grant)),
            last.eq(words == 1),
            self.command.ready.eq(~active & transfers.input.ready),
            transfers.input.valid.eq(self.command.valid & ~active),
            transfers.input.payload.address.eq(command.address),
            transfers.input.payload.beats.eq(command.words << (n.bit_length() - 1)),
        ]
        with m.If(pause != 0):
            m.d.sync += pause.eq(pause - 1)
        with m.If(granted):
            m.d.sync += [word.eq(word + 1), words.eq(words - 1), pause.eq(n - 1)]
            with m.If(last):
                m.d.sync += active.eq(0)
        with m.If(self.command.valid & self.command.ready):
            m.d.sync += [
                active.eq(1),
                source.eq(command.source),
                word.eq(command.word),
                words.eq(command.words),
            ]

        # The word arrives: its low beat goes to the buffer at once, the others from `rest`.
        arrives = Signal()
        from_x = Signal()
        ends_command = Signal()
        m.d.sync += arrives.eq(granted)
        with m.If(granted):
            m.d.sync += [from_x.eq(source == Source.X), ends_command.eq(last)]
        whole = Mux(from_x, self.x.data, self.u.data)
        rest = Signal(max(1, (n - 1) * c.port_bits))
        left = Signal(range(max(2, n)))
        push = buffer.input
        m.d.comb += [
            push.valid.eq(arrives | (left != 0)),
            push.payload.bits.eq(Mux(arrives, whole[: c.port_bits], rest[: c.port_bits])),
            push.payload.last.eq(ends_command & Mux(arrives, n == 1, left == 1)),
        ]
        if n > 1:
            with m.If(arrives):
                m.d.sync += [rest.eq(whole[c.port_bits :]), left.eq(n - 1)]
            with m.Elif(left != 0):
                m.d.sync += [rest.eq(rest >> c.port_bits), left.eq(left - 1)]

        # Send.
        banked = Signal(range(BUFFER_BEATS + 1))  # in the buffer, not requested
        sent = Signal()
        m.d.comb += [
            bursts.budget.eq(banked),
            self.data.payload.eq(buffer.output.payload.bits),
            self.data.valid.eq(buffer.output.valid),
            buffer.output.ready.eq(self.data.ready),
            sent.eq(self.data.valid & self.data.ready),
        ]
        m.d.sync += [
            banked.eq(banked + push.valid - bursts.spent),
            room.eq(room + sent - Mux(granted, n, 0)),
            self.done.eq(sent & buffer.output.payload.last),
        ]
        return m
