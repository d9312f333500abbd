"""Whole frames: received into a buffer and checked, or sent with their CRC."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.interfaces import struct
from hw.link.cobs import FRAME_BYTE, CobsDecoder, CobsEncoder
from hw.link.crc import crc32
from hw.spec.link import CRC_BYTES, FRAME_BYTES, HEADER, HEADER_BYTES


class FrameReceiver(wiring.Component):
    """Sound frames from bytes of the line; all others are dropped.

    A frame is sound if its COBS code, its length and its CRC are.  It is offered in the cycle after
    the zero that ends it, and stays until it is taken.  Meanwhile the next one is received into the
    other half of the buffer and waits there; what comes while both are full is dropped.  Any zero
    byte begins a frame anew, so after garbage of any kind the next frame is received.  Golden
    partner: the driver's framing, :mod:`sw.driver.framing`.  Validated against it with flipped,
    lost and inserted bytes.

    Members
    -------
    valid : In(1)
        `byte` is one of the line.
    byte : In(8)
        It.
    error : In(1)
        A byte of the line was lost.
    header : Out(stream of HEADER)
        A sound frame's header; taking it gives its data up.
    address : In(range(FRAME_BYTES))
        Byte of the offered frame, its header's counted.
    data : Out(8)
        That byte, a cycle later.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "valid": In(1),
                "byte": In(8),
                "error": In(1),
                "header": Out(stream.Signature(struct(HEADER))),
                "address": In(range(FRAME_BYTES)),
                "data": Out(8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.crc = crc = crc32()
        m.submodules.buffer = buffer = Memory(shape=8, depth=2 * FRAME_BYTES, init=[])
        reads = buffer.read_port(domain="sync", transparent_for=())
        writes = buffer.write_port(domain="sync")

        half = Signal()  # being filled
        size = Signal(range(FRAME_BYTES + 1))
        broken = Signal()  # too long, or a byte is missing
        waiting = Signal()  # a sound frame is in this half, too
        header = Signal(struct(HEADER))
        raw = header.as_value()
        room = size != FRAME_BYTES
        m.d.comb += [
            decoder.valid.eq(self.valid),
            decoder.code.eq(self.byte),
            crc.data.eq(decoder.byte),
            crc.valid.eq(decoder.byte_valid),
            writes.addr.eq(Cat(size[: FRAME_BYTES.bit_length() - 1], half)),
            writes.data.eq(decoder.byte),
            writes.en.eq(decoder.byte_valid & room & ~waiting),
            reads.addr.eq(Cat(self.address, ~half)),
            reads.en.eq(1),
            self.data.eq(reads.data),
        ]
        with m.If(decoder.byte_valid):
            m.d.sync += [size.eq(size + room), broken.eq(broken | ~room | waiting)]
            with m.If((size < HEADER_BYTES) & ~waiting):
                m.d.sync += raw.eq(Cat(raw[8:], decoder.byte))
        with m.If(self.error):
            m.d.sync += broken.eq(1)

        sound = (
            decoder.whole
            & ~broken
            & crc.match_detected
            & (size == header.length + (HEADER_BYTES + CRC_BYTES))
        )
        ends = self.valid & (self.byte == 0)
        m.d.comb += crc.start.eq(ends)
        with m.If(ends):
            m.d.sync += [size.eq(0), broken.eq(0)]

        received = waiting | (decoder.end & sound)
        with m.If(~self.header.valid | self.header.ready):
            m.d.sync += [self.header.valid.eq(received), waiting.eq(0)]
            with m.If(received):
                m.d.sync += [self.header.payload.eq(header), half.eq(~half)]
        with m.Elif(received):
            m.d.sync += waiting.eq(1)
        return m


class FrameSender(wiring.Component):
    """Bytes of the line from frames without CRC.

    A frame's byte a cycle while a block is collected, see :class:`hw.link.cobs.CobsEncoder`.
    Respects back-pressure.  Golden partner: :mod:`sw.driver.framing`.  Validated against it.

    Members
    -------
    frame : In(stream of FRAME_BYTE)
        Header and data; `last` with the last byte.
    line : Out(stream of 8)
        Bytes of the line.
    """

    def __init__(self) -> None:
        super().__init__(
            {"frame": In(stream.Signature(FRAME_BYTE)), "line": Out(stream.Signature(8))}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = crc32()
        m.submodules.encoder = encoder = CobsEncoder()
        connect(m, encoder.line, flipped(self.line))
        tail = Signal(range(CRC_BYTES + 1))  # bytes of the CRC still to come
        moved = encoder.frame.valid & encoder.frame.ready
        m.d.comb += [
            encoder.frame.payload.byte.eq(
                Mux(
                    tail == 0,
                    self.frame.payload.byte,
                    crc.crc.word_select((CRC_BYTES - tail)[:2], 8),
                )
            ),
            encoder.frame.payload.last.eq(tail == 1),
            encoder.frame.valid.eq(self.frame.valid | (tail != 0)),
            self.frame.ready.eq(encoder.frame.ready & (tail == 0)),
            crc.data.eq(self.frame.payload.byte),
            crc.valid.eq(self.frame.valid & self.frame.ready),
            crc.start.eq(moved & (tail == 1)),
        ]
        with m.If(moved & (tail != 0)):
            m.d.sync += tail.eq(tail - 1)
        with m.Elif(moved & self.frame.payload.last):
            m.d.sync += tail.eq(CRC_BYTES)
        return m
