"""The SDRAM controller: bursts of the memory port to pins of the chip."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.interfaces import MemoryPort
from hw.memory.sdram.chip import SdramError, SdramTiming
from hw.memory.sdram.columns import Columns
from hw.memory.sdram.pins import SdramPins
from hw.memory.sdram.rows import Rows
from hw.memory.sdram.segments import Segments
from hw.memory.sdram.words import BEAT_BITS, Words


class SdramController(wiring.Component):
    """One 16-bit SDR SDRAM behind the memory port, at the accelerator's clock.

    ::

        request ─► segments ─► rows ─── opened ───► columns ─── commands ─► pins
                                └─ open, close, refresh ──────────┘
        write ─► FIFO ─► words ─► pins        pins ─► words ─► FIFO ─► read

    Throughput: a beat is eight words, so one in 8 cycles at best.  Bursts follow each other
    without a gap, in open rows and, where their banks differ, in others: the next row opens while
    this one is moved.  Times at 100 MHz: a refresh (once in 7.8 us) costs 11 cycles, so a long read
    98.6 % of the best; another row of the same bank 5, a change from reading to writing 3.  A beat
    read from an idle memory comes 17 cycles after its request, 18 from a closed bank, 20 from
    another row of an open one.  Respects back-pressure; refreshes go on while a client waits.
    Bursts are served in order.  Addresses wrap at the chip's size.  Every pin is registered.  No
    golden partner.  Validated by random bursts with pauses against a model that checks every time
    and state of the chip, at three clocks, and behind the accelerator by whole networks.

    The chip's clock is this clock, inverted or shifted by the board so that set-up and hold times
    are kept both ways.

    Parameters
    ----------
    timing : SdramTiming
        Chip, clock and CAS latency.
    capture : int
        When words read are sampled, in cycles from the edge that would suit a chip clocked by this
        very clock: 0 where the round trip over the board ends before that edge, 1 where it takes a
        cycle more, -1 for an inverted clock so slow that the words are there half a period early;
        and one more for each register that the board puts into the pins, out and in.
        :func:`hw.memory.sdram.capture_cycles` computes it from a board's clock phase and delays.

    Raises
    ------
    SdramError
        `capture` is none of these.

    Members
    -------
    port : In(MemoryPort)
        Client.
    pins : Out(SdramPins)
        The chip's pins but its clock.
    """

    def __init__(self, timing: SdramTiming, capture: int = 0) -> None:
        if capture not in range(-1, 4):
            raise SdramError(f"SDRAM: capture={capture} is not known; use -1 to 3")
        self.timing, self.capture = timing, capture
        super().__init__({"port": In(MemoryPort(BEAT_BITS)), "pins": Out(SdramPins(timing.chip))})

    @property
    def beats(self) -> int:
        """Beats of 128 bits that the chip holds."""
        return self.timing.chip.beats

    def elaborate(self, platform):
        m = Module()
        m.submodules.segments = segments = Segments(self.timing.chip)
        m.submodules.rows = rows = Rows(self.timing)
        m.submodules.columns = columns = Columns(self.timing)
        m.submodules.words = words = Words(self.timing, self.capture)

        connect(m, flipped(self.port.request), segments.request)
        connect(m, segments.segment, rows.segment)
        connect(m, rows.opened, columns.opened)
        connect(m, flipped(self.port.write), words.write)
        connect(m, words.read, flipped(self.port.read))
        m.d.comb += [
            rows.moving.eq(columns.moving),
            rows.column.eq(columns.issue),
            rows.column_write.eq(columns.write),
            rows.command.ready.eq(rows.pause | ~columns.slot),
            columns.pause.eq(rows.pause),
            columns.beat_ready.eq(words.beat_ready),
            columns.place_ready.eq(words.place_ready),
            words.send.eq(columns.issue & columns.write),
            words.receive.eq(columns.issue & ~columns.write),
            words.dq_i.eq(self.pins.dq_i),
            self.pins.dq_o.eq(words.dq_o),
            self.pins.dq_oe.eq(words.dq_oe),
        ]

        # A command is chosen in one cycle and at the pins two later, with what Words sends for it.
        pins, issued = self.pins, Signal()
        command = Signal.like(rows.command.payload, reset_less=True)
        m.d.sync += [
            issued.eq(columns.issue | (rows.command.valid & rows.command.ready)),
            command.eq(rows.command.payload),
            pins.clk_en.eq(1),
            pins.dqm.eq((~rows.powered).replicate(len(pins.dqm))),
            pins.cs.eq(issued),
            pins.ras.eq(command.code.ras),
            pins.cas.eq(command.code.cas),
            pins.we.eq(command.code.we),
            pins.ba.eq(command.bank),
            pins.a.eq(command.address),
        ]
        with m.If(columns.issue):
            m.d.sync += command.eq(columns.command)
        return m
