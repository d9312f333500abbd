"""COBS, consistent overhead byte stuffing (Cheshire and Baker, SIGCOMM 1997)."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

BLOCK = 254
"""Bytes that a code byte can count; a block of so many has no zero behind it."""
FRAME_BYTE = data.StructLayout({"byte": 8, "last": 1})
"""A byte of a frame; `last` marks the frame's end."""


class CobsDecoder(wiring.Component):
    """Frames from bytes of the line.

    Combinational: what a byte means is shown in its cycle, at most one byte of the frame a byte of
    the line.  A zero ends a frame and begins the next, from any state.  No back-pressure.
    Validated against the package ``cobs``.

    Members
    -------
    valid : In(1)
        `code` is a byte of the line.
    code : In(8)
        It.
    byte_valid : Out(1)
        `byte` belongs to the frame.
    byte : Out(8)
        It.
    end : Out(1)
        The frame has ended, not an empty one.
    whole : Out(1)
        With `end`: nothing was missing.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "valid": In(1),
                "code": In(8),
                "byte_valid": Out(1),
                "byte": Out(8),
                "end": Out(1),
                "whole": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        begun = Signal()
        left = Signal(8)  # bytes of the block still to come
        zero_due = Signal()  # a zero stands between this block and the next
        with m.If(self.valid):
            with m.If(self.code == 0):
                m.d.comb += [self.end.eq(begun), self.whole.eq(left == 0)]
                m.d.sync += [begun.eq(0), left.eq(0), zero_due.eq(0)]
            with m.Elif(left == 0):
                m.d.comb += self.byte_valid.eq(zero_due)
                m.d.sync += [begun.eq(1), left.eq(self.code - 1), zero_due.eq(self.code != 255)]
            with m.Else():
                m.d.comb += [self.byte_valid.eq(1), self.byte.eq(self.code)]
                m.d.sync += left.eq(left - 1)
        return m


class CobsEncoder(wiring.Component):
    """Bytes of the line from frames, with a zero before and after each.

    A block of up to 254 bytes is collected, a byte a cycle, and then sent, a byte in two cycles.
    Respects back-pressure.  Validated against the package ``cobs``.

    Members
    -------
    frame : In(stream of FRAME_BYTE)
        Bytes of frames.
    line : Out(stream of 8)
        Bytes of the line.
    """

    def __init__(self) -> None:
        super().__init__(
            {"frame": In(stream.Signature(FRAME_BYTE)), "line": Out(stream.Signature(8))}
        )

    def elaborate(self, platform):
        m = Module()
        frame, line = self.frame, self.line
        m.submodules.block = block = Memory(shape=8, depth=256, init=[])
        reads = block.read_port(domain="sync", transparent_for=())
        writes = block.write_port(domain="sync")
        size = Signal(8)  # bytes of the block
        sent = Signal(8)
        ended = Signal()  # the frame's last byte is taken
        empty = Signal()  # and was a zero, so one more block follows, an empty one
        byte, last = frame.payload.byte, frame.payload.last
        m.d.comb += [
            reads.addr.eq(sent),
            reads.en.eq(1),
            writes.addr.eq(size),
            writes.data.eq(byte),
        ]
        with m.FSM():
            with m.State("REST"), m.If(frame.valid):
                m.d.comb += line.valid.eq(1)
                with m.If(line.ready):
                    m.next = "COLLECT"
            with m.State("COLLECT"):
                m.d.comb += frame.ready.eq(1)
                with m.If(frame.valid):
                    m.d.sync += [ended.eq(last), empty.eq(last & (byte == 0))]
                    with m.If(byte != 0):
                        m.d.comb += writes.en.eq(1)
                        m.d.sync += size.eq(size + 1)
                    with m.If((byte == 0) | (size == BLOCK - 1) | last):
                        m.next = "COUNT"
            with m.State("COUNT"):
                m.d.comb += [line.valid.eq(1), line.payload.eq(size + 1)]
                m.d.sync += sent.eq(0)
                with m.If(line.ready):
                    m.next = "FETCH"
            with m.State("FETCH"):
                with m.If(sent != size):
                    m.next = "SEND"
                with m.Else():
                    m.d.sync += [size.eq(0), empty.eq(0)]
                    m.next = "COLLECT"
                    with m.If(empty):
                        m.next = "COUNT"
                    with m.Elif(ended):
                        m.next = "END"
            with m.State("SEND"):
                m.d.comb += [line.valid.eq(1), line.payload.eq(reads.data)]
                with m.If(line.ready):
                    m.d.sync += sent.eq(sent + 1)
                    m.next = "FETCH"
            with m.State("END"):
                m.d.comb += line.valid.eq(1)
                with m.If(line.ready):
                    m.next = "REST"
        return m
