"""Beats to words of the data pins, and back."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from hw.memory.sdram.chip import BURST, WORD_BITS, SdramTiming

BEAT_BITS = BURST * WORD_BITS
PLACES = 16
"""Beats of either FIFO: what LUT RAM holds in one piece, and more than are ever on their way."""


class Words(wiring.Component):
    """The data path: a FIFO and a shift register each way.

    The first word written is on the pins with its command, two cycles after `send`; words read are
    sampled by a register at the pins and leave as a beat 2 cycles after the last.  A word a cycle.
    Respects back-pressure: `place_ready` counts beats that are still to come, so nothing read is
    ever lost.  No golden partner.  Validated within
    :class:`hw.memory.sdram.controller.SdramController`.

    Parameters
    ----------
    timing : SdramTiming
        Chip and clock.
    capture : int
        Further cycles from the clock edge at which a chip on this very clock would be sampled.

    Members
    -------
    write : In(stream of 128)
        Beats to write.
    read : Out(stream of 128)
        Beats read.
    beat_ready : Out(1)
        A beat to write is there; of the cycle before.
    place_ready : Out(1)
        A beat may be read; of the cycle before.
    send : In(1)
        WRITE is decided, `BURST` cycles after what was decided last: the beat's words follow from
        the second cycle on.
    receive : In(1)
        READ is decided.
    dq_o : Out(16)
        Word to write.
    dq_oe : Out(1)
        It is driven.
    dq_i : In(16)
        Data pins.
    """

    def __init__(self, timing: SdramTiming, capture: int) -> None:
        self._timing, self._capture = timing, capture
        beat = stream.Signature(BEAT_BITS)
        super().__init__(
            {
                "write": In(beat),
                "read": Out(beat),
                "beat_ready": Out(1),
                "place_ready": Out(1),
                "send": In(1),
                "receive": In(1),
                "dq_o": Out(WORD_BITS),
                "dq_oe": Out(1),
                "dq_i": In(WORD_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.outgoing = outgoing = SyncFIFO(width=BEAT_BITS, depth=PLACES)
        m.submodules.incoming = incoming = SyncFIFO(width=BEAT_BITS, depth=PLACES)

        sent = Signal()
        m.d.comb += [
            outgoing.w_data.eq(self.write.payload),
            outgoing.w_en.eq(self.write.valid),
            self.write.ready.eq(outgoing.w_rdy),
            outgoing.r_en.eq(sent),
        ]
        # A cycle late, so that no path leads from the FIFO through the choice of a command: the
        # next one comes BURST cycles after this one at the earliest, when its beat has been taken.
        m.d.sync += [sent.eq(self.send), self.beat_ready.eq(outgoing.r_rdy)]
        rest = Signal(BEAT_BITS - WORD_BITS, reset_less=True)
        left = Signal(range(BURST))
        m.d.sync += [Cat(self.dq_o, rest).eq(rest), left.eq(left - 1)]
        with m.If(left == 0):
            m.d.sync += [self.dq_oe.eq(0), left.eq(0)]
        with m.If(sent):
            m.d.sync += [
                Cat(self.dq_o, rest).eq(outgoing.r_data),
                self.dq_oe.eq(1),
                left.eq(BURST - 1),
            ]

        # READ is at the pins two cycles after `receive`, its first word CAS cycles later.
        sampled = Signal(WORD_BITS, reset_less=True)
        words = Signal(BEAT_BITS - WORD_BITS, reset_less=True)
        flight = Signal(self._timing.cas + self._capture + BURST + 2)
        whole = Cat(words, sampled)
        m.d.sync += [
            sampled.eq(self.dq_i),
            words.eq(whole[WORD_BITS:]),
            flight.eq(Cat(self.receive, flight)),
        ]
        taken = Signal()
        free = Signal(range(PLACES + 1), init=PLACES)
        m.d.comb += [
            incoming.w_data.eq(whole),
            incoming.w_en.eq(flight[-1]),
            self.read.payload.eq(incoming.r_data),
            self.read.valid.eq(incoming.r_rdy),
            incoming.r_en.eq(self.read.ready),
            taken.eq(self.read.valid & self.read.ready),
        ]
        m.d.sync += [
            free.eq(free + taken - self.receive),
            self.place_ready.eq(free != 0),
        ]
        return m
