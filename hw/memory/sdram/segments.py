"""Cuts bursts where a row of the SDRAM ends."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import PORT_REQUEST
from hw.memory.sdram.chip import SdramChip
from hw.memory.sdram.pins import segment_layout


class Segments(wiring.Component):
    """Cuts bursts into segments of one row each.

    A beat's address is column (low), bank, row: rows that follow each other lie in different banks,
    so that the next one opens while this one is read.  Higher address bits are ignored.

    Latency 2 cycles; a segment every third cycle, a burst a cycle more.  Respects back-pressure.
    No golden partner.  Validated within :class:`hw.memory.sdram.controller.SdramController`.

    Parameters
    ----------
    chip : SdramChip
        Geometry.

    Members
    -------
    request : In(stream of PORT_REQUEST)
        Bursts.
    segment : Out(stream of segment_layout)
        Their parts.
    """

    def __init__(self, chip: SdramChip) -> None:
        self._chip = chip
        super().__init__(
            {
                "request": In(stream.Signature(PORT_REQUEST)),
                "segment": Out(stream.Signature(segment_layout(chip))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        chip = self._chip
        column_bits = chip.column_bits - 3
        column = Signal(column_bits)
        row = Signal(chip.bank_bits + chip.row_bits)
        left = Signal(16)
        write = Signal()
        cut = Signal()
        here = Signal(column_bits + 1)  # beats of the row from `column` on
        more = Signal()

        part = self.segment.payload
        m.d.comb += [
            here.eq(chip.row_beats - column),
            more.eq(left > here),
            self.request.ready.eq(left == 0),
            cut.eq((left != 0) & ~self.segment.valid),
        ]
        with m.If(self.request.ready):
            request = self.request.payload
            m.d.sync += [Cat(column, row).eq(request.address), write.eq(request.write)]
            with m.If(self.request.valid):
                m.d.sync += left.eq(request.beats)
        with m.If(self.segment.ready):
            m.d.sync += self.segment.valid.eq(0)
        with m.If(cut):
            m.d.sync += [
                self.segment.valid.eq(1),
                part.write.eq(write),
                part.column.eq(column),
                part.bank.eq(row[: chip.bank_bits]),
                part.row.eq(row[chip.bank_bits :]),
                part.beats.eq(Mux(more, here, left)),
                column.eq(0),
                row.eq(row + 1),
                left.eq(Mux(more, left - here, 0)),
            ]
        return m
