"""Initialises the SDRAM, opens and closes its rows, and refreshes it."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.memory.sdram.chip import BURST, SdramTiming
from hw.memory.sdram.pins import (
    ACTIVATE,
    ALL_BANKS,
    PRECHARGE,
    REFRESH,
    SET_MODE,
    command_layout,
    segment_layout,
)

BURST_OF_EIGHT = 0b011
"""Mode register, low bits: eight columns a command, one after another."""
CAS_SHIFT = 4
"""Mode register: place of the CAS latency."""


class Rows(wiring.Component):
    """Opens the row of the next segment while the beats of the one before are moved.

    Rows stay open until another row of their bank is wanted, or a refresh is due.  A refresh is
    due once an interval and is done at once: `pause` holds back column commands, every bank is
    closed, and afterwards the row that was in use is opened again; a waiting client holds it up no
    more than a busy one.  After reset: a pause for the supply, precharge, refreshes, mode register.

    Latency 2 cycles for a segment whose row is open.  Respects back-pressure.  No golden partner.
    Validated within :class:`hw.memory.sdram.controller.SdramController`.

    Parameters
    ----------
    timing : SdramTiming
        Chip and clock.

    Members
    -------
    segment : In(stream of segment_layout)
        What is to be moved.
    opened : Out(stream of segment_layout)
        The same, when its row is open.
    command : Out(stream of command_layout)
        Everything but column commands.
    moving : In(1)
        Beats of the last segment of `opened` are still to move.
    column : In(1)
        A column command is issued in this cycle.
    column_write : In(1)
        It writes.
    pause : Out(1)
        No column command may be issued.
    powered : Out(1)
        The pause after power-up is over.
    """

    def __init__(self, timing: SdramTiming) -> None:
        self._timing = timing
        segment = stream.Signature(segment_layout(timing.chip))
        super().__init__(
            {
                "segment": In(segment),
                "opened": Out(segment),
                "command": Out(stream.Signature(command_layout(timing.chip))),
                "moving": In(1),
                "column": In(1),
                "column_write": In(1),
                "pause": Out(1),
                "powered": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        t = self._timing
        chip = t.chip
        banks = range(1 << chip.bank_bits)
        wanted = self.segment.payload
        command = self.command.payload

        # One interval after another: refreshes, and before them the pause after power-up.
        interval = Signal(range(t.refresh_interval), init=t.refresh_interval - 1)
        tick = Signal()
        due = Signal()
        m.d.comb += tick.eq(interval == 0)
        m.d.sync += interval.eq(interval - 1)
        with m.If(tick):
            m.d.sync += [interval.eq(t.refresh_interval - 1), due.eq(1)]

        # A bank: open or not, its row, cycles until it may be closed.
        is_open = Signal(len(banks))
        row = Array(Signal(chip.row_bits, name=f"row{bank}") for bank in banks)
        most = max(t.write_to_precharge, t.activate_to_precharge, BURST)
        held = Array(Signal(range(most), name=f"held{bank}") for bank in banks)
        current = Signal(chip.bank_bits)  # of the segment that `opened` gave last
        current_row = Signal(chip.row_bits)
        wait = Signal(range(max(t.refresh, t.precharge, t.activate_to_column, t.mode_register_set)))
        rested = Signal()
        m.d.comb += rested.eq(wait == 0)
        with m.If(~rested):
            m.d.sync += wait.eq(wait - 1)
        for bank in banks:
            with m.If(held[bank] != 0):
                m.d.sync += held[bank].eq(held[bank] - 1)
        # A column command comes at least tRCD after its ACTIVATE: what tRAS still asks for then is
        # less than the burst takes.
        with m.If(self.column):
            m.d.sync += held[current].eq(BURST - 1)
            with m.If(self.column_write):
                m.d.sync += held[current].eq(t.write_to_precharge - 1)

        issued = Signal()
        m.d.comb += issued.eq(self.command.valid & self.command.ready)

        def offer(code, when, wait_cycles: int, bank=None, address=0) -> None:
            m.d.comb += [
                self.command.valid.eq(when),
                command.code.eq(code),
                command.address.eq(address),
            ]
            if bank is not None:
                m.d.comb += command.bank.eq(bank)
            with m.If(issued):
                m.d.sync += wait.eq(wait_cycles - 1)

        def activate(bank, its_row) -> None:
            # The column command comes a cycle after its segment is given.
            offer(ACTIVATE, rested, max(1, t.activate_to_column - 1), bank, its_row)
            with m.If(issued):
                m.d.sync += [
                    is_open.bit_select(bank, 1).eq(1),
                    row[bank].eq(its_row),
                    held[bank].eq(t.activate_to_precharge - 1),
                ]

        pauses = Signal(range(t.power_up_intervals), init=t.power_up_intervals - 1)
        refreshes = Signal(range(chip.power_up_refreshes), init=chip.power_up_refreshes - 1)
        configured = Signal()

        m.d.comb += [self.pause.eq(1), self.powered.eq(1), self.opened.payload.eq(wanted)]
        with m.FSM():
            with m.State("POWER_UP"):
                m.d.comb += self.powered.eq(0)
                with m.If(tick):
                    m.d.sync += pauses.eq(pauses - 1)
                    with m.If(pauses == 0):
                        m.next = "CLOSE_ALL"
            with m.State("CLOSE_ALL"):
                free = rested
                for bank in banks:
                    free &= held[bank] == 0
                offer(PRECHARGE, free, t.precharge, address=ALL_BANKS)
                with m.If(issued):
                    m.d.sync += is_open.eq(0)
                    m.next = "REFRESH"
            with m.State("REFRESH"):
                offer(REFRESH, rested, t.refresh)
                with m.If(issued):
                    m.d.sync += due.eq(0)
                    with m.If(~configured):
                        m.d.sync += refreshes.eq(refreshes - 1)
                        with m.If(refreshes == 0):
                            m.next = "SET_MODE"
                    with m.Elif(self.moving):
                        m.next = "REOPEN"
                    with m.Else():
                        m.next = "LOOK"
            with m.State("SET_MODE"):
                mode = t.cas << CAS_SHIFT | BURST_OF_EIGHT
                offer(SET_MODE, rested, t.mode_register_set, bank=0, address=mode)
                with m.If(issued):
                    m.d.sync += configured.eq(1)
                    m.next = "LOOK"
            with m.State("REOPEN"):
                activate(current, current_row)
                with m.If(issued):
                    m.next = "RESUME"
            with m.State("RESUME"), m.If(rested):
                m.next = "LOOK"
            with m.State("LOOK"):
                m.d.comb += self.pause.eq(0)
                with m.If(due):
                    m.next = "CLOSE_ALL"
                with m.Elif(self.segment.valid):
                    with m.If(~is_open.bit_select(wanted.bank, 1)):
                        m.next = "OPEN"
                    with m.Elif(row[wanted.bank] == wanted.row):
                        m.next = "GIVE"
                    with m.Else():
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += self.pause.eq(0)
                used = self.moving & (current == wanted.bank)
                with m.If(due):
                    m.next = "CLOSE_ALL"
                with m.Else():
                    idle = rested & ~used & (held[wanted.bank] == 0)
                    offer(PRECHARGE, idle, t.precharge, wanted.bank)
                with m.If(issued):
                    m.d.sync += is_open.bit_select(wanted.bank, 1).eq(0)
                    m.next = "OPEN"
            with m.State("OPEN"):
                m.d.comb += self.pause.eq(0)
                # A column command that waits for its client keeps others off: not a refresh.
                with m.If(due):
                    m.next = "CLOSE_ALL"
                with m.Else():
                    activate(wanted.bank, wanted.row)
                with m.If(issued):
                    m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += [
                    self.pause.eq(0),
                    self.opened.valid.eq(rested & ~due),
                    self.segment.ready.eq(self.opened.valid & self.opened.ready),
                ]
                with m.If(rested & due):
                    m.next = "CLOSE_ALL"
                with m.Elif(self.segment.ready):
                    m.d.sync += [current.eq(wanted.bank), current_row.eq(wanted.row)]
                    m.next = "LOOK"
        return m
