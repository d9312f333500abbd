"""Column commands: a beat each."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.memory.sdram.chip import BURST, SdramTiming
from hw.memory.sdram.pins import READ, WRITE, command_layout, segment_layout


class Columns(wiring.Component):
    """Issues a READ or WRITE for every beat of the segments whose rows are open.

    Throughput: a command every 8 cycles, across segments too; a change from reading to writing
    costs the CAS latency and a cycle more.  A command waits for its beat (writes) or for a place
    for it (reads).  Respects back-pressure.  No golden partner.  Validated within
    :class:`hw.memory.sdram.controller.SdramController`.

    Parameters
    ----------
    timing : SdramTiming
        Chip and clock.

    Members
    -------
    opened : In(stream of segment_layout)
        Segments; taken after the last command of the one before, well before its words have moved.
    pause : In(1)
        Issue nothing.
    beat_ready : In(1)
        A beat to write is there.
    place_ready : In(1)
        A beat that is read has a place.
    moving : Out(1)
        Commands of a segment are still to come.
    slot : Out(1)
        A command may come in this cycle: no other but while `pause` is high.
    issue : Out(1)
        A command in this cycle.
    write : Out(1)
        It writes.
    command : Out(command_layout)
        The command.
    """

    def __init__(self, timing: SdramTiming) -> None:
        self._timing = timing
        super().__init__(
            {
                "opened": In(stream.Signature(segment_layout(timing.chip))),
                "pause": In(1),
                "beat_ready": In(1),
                "place_ready": In(1),
                "moving": Out(1),
                "slot": Out(1),
                "issue": Out(1),
                "write": Out(1),
                "command": Out(command_layout(timing.chip)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        t = self._timing
        segment = Signal(segment_layout(t.chip))
        spacing = Signal(range(BURST))
        turn = Signal(range(t.read_to_write))  # cycles until data pins may change to writing
        spaced, turned = Signal(init=1), Signal(init=1)  # they are 0
        m.d.comb += [
            self.opened.ready.eq(~self.moving),
            self.slot.eq(self.moving & spaced),
            self.write.eq(segment.write),
            self.command.bank.eq(segment.bank),
            self.command.address.eq(Cat(Const(0, 3), segment.column)),
        ]
        with m.If(segment.write):
            m.d.comb += [
                self.issue.eq(self.slot & ~self.pause & turned & self.beat_ready),
                self.command.code.eq(WRITE),
            ]
        with m.Else():
            m.d.comb += [
                self.issue.eq(self.slot & ~self.pause & self.place_ready),
                self.command.code.eq(READ),
            ]

        with m.If(~spaced):
            m.d.sync += [spacing.eq(spacing - 1), spaced.eq(spacing == 1)]
        with m.If(~turned):
            m.d.sync += [turn.eq(turn - 1), turned.eq(turn == 1)]
        with m.If(self.issue):
            m.d.sync += [
                spacing.eq(BURST - 1),
                spaced.eq(0),
                segment.column.eq(segment.column + 1),
                segment.beats.eq(segment.beats - 1),
            ]
            with m.If(segment.beats == 1):
                m.d.sync += self.moving.eq(0)
            with m.If(~segment.write):
                m.d.sync += [turn.eq(t.read_to_write - 1), turned.eq(0)]
        with m.If(self.opened.ready):
            m.d.sync += [self.moving.eq(self.opened.valid), segment.eq(self.opened.payload)]
        return m
