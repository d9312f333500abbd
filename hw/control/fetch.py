"""Reads the program ahead and emits its commands."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.control.queue import BlockQueue
from hw.interfaces import PORT_REQUEST
from hw.spec.commands import COMMAND_BITS, FETCH_AHEAD_BEATS, Opcode
from hw.spec.configuration import Configuration

BURST_BEATS = 16


class Fetch(wiring.Component):
    """Reads commands of four beats, low beat first, from `program` on, until END.

    Bursts of 16 beats, requested when there is room for all of one, so that program beats never
    wait in the port in front of a LOAD's.  It reads up to 31 beats beyond END and drops them.

    Latency: a command leaves 2 cycles after its last beat; a command every 5 cycles.  Respects
    back-pressure.  No golden partner.  Validated for random back-pressure and programs of 1 to 60
    commands.

    Parameters
    ----------
    configuration : Configuration
        Gives port_bits.

    Members
    -------
    start : In(1)
        Begin at `program`; only while not busy.
    program : In(32)
        First beat of the program.
    request : Out(stream of PORT_REQUEST)
        Bursts.
    data : In(stream of port_bits)
        Their beats.
    command : Out(stream of 512)
        Commands, the last one END (or an unknown opcode, which ends the program too).
    busy : Out(1)
        From `start` until END has been taken and every requested beat has arrived.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "start": In(1),
                "program": In(32),
                "request": Out(stream.Signature(PORT_REQUEST)),
                "data": In(stream.Signature(configuration.port_bits)),
                "command": Out(stream.Signature(COMMAND_BITS)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        parts = COMMAND_BITS // c.port_bits
        m.submodules.beats = beats = BlockQueue(c, c.port_bits, FETCH_AHEAD_BEATS)

        running = Signal()
        ended = Signal()  # END has arrived: nothing more to request
        address = Signal(32)
        room = Signal(range(FETCH_AHEAD_BEATS + 1), init=FETCH_AHEAD_BEATS)
        asked = Signal()
        m.d.comb += [
            self.request.payload.address.eq(address),
            self.request.payload.beats.eq(BURST_BEATS),
            asked.eq(self.request.valid & self.request.ready),
        ]
        with m.If(~self.request.valid | self.request.ready):
            # `room` is out of date in the cycle of an acceptance; then wait a cycle.
            m.d.sync += self.request.valid.eq(
                running & ~ended & (room >= BURST_BEATS) & ~self.request.valid
            )
        with m.If(asked):
            m.d.sync += address.eq(address + BURST_BEATS)

        # Which part of a command arrives, to see END before it has gone through the queue.
        arriving = Signal(range(parts))
        arrived = self.data.valid & self.data.ready
        m.d.comb += [
            beats.input.payload.eq(self.data.payload),
            beats.input.valid.eq(self.data.valid),
            self.data.ready.eq(1),  # only what has its place was requested
        ]
        with m.If(arrived):
            m.d.sync += arriving.eq(arriving + 1)
            with m.If((arriving == 0) & ends(self.data.payload)):
                m.d.sync += ended.eq(1)

        words = Signal(range(parts + 1))
        full = words == parts
        gone = full & self.command.ready
        take = beats.output.valid & beats.output.ready
        m.d.comb += [
            self.command.valid.eq(full),
            beats.output.ready.eq(~full | ~running),
        ]
        m.d.sync += room.eq(room + take - Mux(asked, BURST_BEATS, 0))
        with m.If(take & running):
            # The low beat comes first: it moves down as the others follow.
            m.d.sync += self.command.payload.eq(
                Cat(self.command.payload, beats.output.payload)[c.port_bits :]
            )
        m.d.sync += words.eq(Mux(gone, 0, words) + take)
        with m.If(gone & ends(self.command.payload)):
            m.d.sync += [running.eq(0), words.eq(0)]
        with m.If(~running):
            m.d.sync += words.eq(0)

        m.d.comb += self.busy.eq(running | self.request.valid | (room != FETCH_AHEAD_BEATS))
        with m.If(self.start):
            m.d.sync += [running.eq(1), ended.eq(0), arriving.eq(0), address.eq(self.program)]
        return m


def ends(command):
    """Whether a command (or its first beat) ends the program: END, or no opcode at all."""
    opcode = command[:4]
    return (opcode == Opcode.END) | (opcode > max(Opcode))
