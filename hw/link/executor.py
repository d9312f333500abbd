"""Executes requests and answers them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import struct
from hw.link.cobs import FRAME_BYTE
from hw.link.crc import crc32
from hw.link.memory_access import ACCESS
from hw.spec.link import (
    BEAT_BYTES,
    FRAME_BYTES,
    GREETING,
    HEADER,
    HEADER_BYTES,
    MAX_BEATS,
    MAX_REGISTERS,
    REGISTER_BYTES,
    VERSION,
    Request,
    Status,
)


class Executor(wiring.Component):
    """One request after another: checked, done, answered.

    A byte of data in two cycles, a register in 7, and memory's time.  Respects back-pressure of the
    answer.  A request with the sequence number of the one before it changes no register and resets
    nothing; it is answered as that one was.  Golden partner: none; :mod:`hw.spec.link` says what
    each request means.  Validated within :class:`hw.link.link.Link`.

    Parameters
    ----------
    clock_hz, memory_beats : int
        What HELLO tells; beats outside memory are refused.

    Members
    -------
    header : In(stream of HEADER)
        The request; taken when the last byte of its answer is.
    address : Out(range(FRAME_BYTES))
        Byte of its frame.
    data : In(8)
        That byte, a cycle later.
    answer : Out(stream of FRAME_BYTE)
        Its answer, without CRC.
    access : Out(stream of ACCESS)
        Memory to write or read.
    to_memory : Out(stream of 8)
        Bytes to write.
    from_memory : In(stream of 8)
        Bytes read.
    host_address : Out(8)
        Register.
    host_write : Out(1)
        Write it.
    host_data_in : Out(32)
        Data to write.
    host_data : In(32)
        Data read, a cycle after its address.
    host_access : Out(1)
        A register is being read or written.
    busy : In(1)
        A program runs.
    reset : Out(1)
        Reset accelerator and memory controller, for a cycle.
    """

    def __init__(self, clock_hz: int, memory_beats: int) -> None:
        self._clock_hz, self._memory_beats = clock_hz, memory_beats
        super().__init__(
            {
                "header": In(stream.Signature(struct(HEADER))),
                "address": Out(range(FRAME_BYTES)),
                "data": In(8),
                "answer": Out(stream.Signature(FRAME_BYTE)),
                "access": Out(stream.Signature(ACCESS)),
                "to_memory": Out(stream.Signature(8)),
                "from_memory": In(stream.Signature(8)),
                "host_address": Out(8),
                "host_write": Out(1),
                "host_data_in": Out(32),
                "host_data": In(32),
                "host_access": Out(1),
                "busy": In(1),
                "reset": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = crc32()
        header = self.header.payload
        request = header.request

        last = Signal(struct(HEADER))  # the answer before this one
        known = Signal()  # there was one
        repeated = Signal()
        m.d.comb += repeated.eq(
            known & (header.sequence == last.sequence) & (request == last.request)
        )
        # A cycle after the header is there.
        judged, verdict, length = Signal(), Signal(Status), Signal(16)
        for judgement, now in zip(
            (verdict, length), self._verdict(m, repeated, last.status), strict=True
        ):
            m.d.sync += judgement.eq(now)
        m.d.sync += judged.eq(0)

        answer = Signal(struct(HEADER))
        out = Signal(max(HEADER.bits, GREETING.bits))  # bytes on their way out, low ones first
        left = Signal(range(out.shape().width // 8 + 1))  # so many
        due = Signal(16)  # bytes of the answer that are to follow those
        place = Signal(16)  # byte of the request's data, or register of the answer's
        word = Signal(8 * REGISTER_BYTES)
        greeting = GREETING.encode(
            {
                "version": VERSION,
                "memory_beats": self._memory_beats,
                "clock_hz": self._clock_hz,
            }
        )
        m.d.comb += [
            self.address.eq(HEADER_BYTES + place),
            self.to_memory.payload.eq(self.data),
            self.host_data_in.eq(word),
            self.access.payload.write.eq(request == Request.WRITE_MEMORY),
            self.access.payload.ahead.eq(request == Request.CHECK_MEMORY),
            self.access.payload.address.eq(header.address),
            self.access.payload.beats.eq(header.count),
            self.answer.payload.byte.eq(out[:8]),
            crc.data.eq(self.from_memory.payload),
        ]
        m.d.sync += self.host_address.eq(header.address + place)
        sent = self.answer.valid & self.answer.ready

        with m.FSM():
            with m.State("REST"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [
                    place.eq(0),
                    due.eq(Mux(verdict == Status.DONE, length, 0)),
                    answer.eq(header),
                    answer.status.eq(verdict),
                    answer.length.eq(Mux(verdict == Status.DONE, length, 0)),
                ]
                m.d.sync += judged.eq(self.header.valid & ~judged)
                with m.If(judged):
                    m.next = "ANSWER"
                    with m.If(verdict == Status.DONE), m.Switch(request):
                        with m.Case(Request.WRITE_REGISTER):
                            m.next = "FETCH"
                        with m.Case(Request.WRITE_MEMORY, Request.CHECK_MEMORY):
                            m.next = "ACCESS"
                        with m.Case(Request.RESET):
                            m.d.comb += self.reset.eq(~repeated)

            # Data of the request.
            with m.State("ACCESS"):
                m.d.comb += self.access.valid.eq(1)
                with m.If(self.access.ready):
                    m.next = "CHECK"
                    with m.If(request == Request.WRITE_MEMORY):
                        m.next = "FETCH"
            with m.State("FETCH"):
                m.next = "TAKE"
                with m.If(place == header.length):
                    m.next = "WRITE"
            with m.State("TAKE"):
                m.d.comb += self.to_memory.valid.eq(request == Request.WRITE_MEMORY)
                with m.If(self.to_memory.ready | ~self.to_memory.valid):
                    m.d.sync += [place.eq(place + 1), word.eq(Cat(word[8:], self.data))]
                    m.next = "FETCH"
            with m.State("WRITE"):
                with m.If(request == Request.WRITE_REGISTER):
                    m.d.sync += place.eq(0)
                    m.next = "PLACE REGISTER"
                with m.Elif(self.access.ready):
                    m.next = "ANSWER"
            with m.State("PLACE REGISTER"):
                m.next = "WRITE REGISTER"
            with m.State("WRITE REGISTER"):
                m.d.comb += [self.host_write.eq(~repeated), self.host_access.eq(1)]
                m.next = "ANSWER"
            with m.State("CHECK"):
                m.d.comb += [self.from_memory.ready.eq(1), crc.valid.eq(self.from_memory.valid)]
                with m.If(self.access.ready):
                    m.next = "ANSWER"

            # The answer: its header, then its data.
            with m.State("ANSWER"):
                m.d.sync += [out.eq(answer), left.eq(HEADER_BYTES), place.eq(0)]
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [
                    self.answer.valid.eq(1),
                    self.answer.payload.last.eq((left == 1) & (due == 0)),
                ]
                with m.If(sent):
                    m.d.sync += [out.eq(out >> 8), left.eq(left - 1)]
                    with m.If(left == 1):
                        m.next = "FOLLOW"
            with m.State("FOLLOW"):
                with m.If(due == 0):
                    m.d.comb += self.header.ready.eq(1)
                    m.d.sync += [last.eq(answer), known.eq(1)]
                    m.next = "REST"
                with m.Else(), m.Switch(request):
                    with m.Case(Request.HELLO):
                        m.d.sync += [out.eq(greeting), left.eq(GREETING.bits // 8), due.eq(0)]
                        m.next = "SEND"
                    with m.Case(Request.CHECK_MEMORY):
                        m.d.sync += [out.eq(crc.crc), left.eq(REGISTER_BYTES), due.eq(0)]
                        m.next = "SEND"
                    with m.Case(Request.READ_REGISTERS):
                        m.d.comb += self.host_access.eq(1)
                        m.next = "READ REGISTER"
                    with m.Default():
                        m.d.comb += self.access.valid.eq(1)
                        with m.If(self.access.ready):
                            m.next = "READ MEMORY"
            with m.State("READ REGISTER"):
                m.d.comb += self.host_access.eq(1)
                m.d.sync += [
                    out.eq(self.host_data),
                    left.eq(REGISTER_BYTES),
                    due.eq(due - REGISTER_BYTES),
                    place.eq(place + 1),
                ]
                m.next = "SEND"
            with m.State("READ MEMORY"):
                m.d.comb += [
                    self.answer.payload.byte.eq(self.from_memory.payload),
                    self.answer.payload.last.eq(due == 1),
                    self.answer.valid.eq(self.from_memory.valid),
                    self.from_memory.ready.eq(self.answer.ready),
                ]
                with m.If(sent):
                    m.d.sync += due.eq(due - 1)
                    with m.If(due == 1):
                        m.next = "FOLLOW"
        return m

    def _verdict(self, m: Module, repeated: Value, before: Value) -> tuple[Signal, Signal]:
        """Status of the request on offer, and bytes of its answer's data if that is DONE."""
        header = self.header.payload
        count = header.count
        verdict, length = Signal(Status, init=Status.UNKNOWN), Signal(16)
        outside = Signal()
        m.d.comb += outside.eq(header.address + count > self._memory_beats)

        def case(request: Request, data_bytes, shape, answer_bytes, refusals=()) -> None:
            with m.Case(request):
                m.d.comb += [verdict.eq(Status.DONE), length.eq(answer_bytes)]
                for refused, status in refusals:
                    with m.If(refused):
                        m.d.comb += verdict.eq(status)
                with m.If((header.length != data_bytes) | ~shape):
                    m.d.comb += verdict.eq(Status.SHAPE)

        beats = (count >= 1) & (count <= MAX_BEATS)
        ranged = [(outside, Status.RANGE)]
        with m.Switch(header.request):
            case(Request.HELLO, 0, count == 0, GREETING.bits // 8)
            case(
                Request.READ_REGISTERS,
                0,
                (count >= 1) & (count <= MAX_REGISTERS),
                count * REGISTER_BYTES,
            )
            # Repeated, it is what it was the first time: it may be what made the device busy.
            case(
                Request.WRITE_REGISTER,
                REGISTER_BYTES,
                count == 1,
                0,
                [(self.busy, Status.BUSY), (repeated, before)],
            )
            case(Request.READ_MEMORY, 0, beats, count * BEAT_BYTES, ranged)
            case(Request.WRITE_MEMORY, count * BEAT_BYTES, beats, 0, ranged)
            case(Request.CHECK_MEMORY, 0, count >= 1, REGISTER_BYTES, ranged)
            case(Request.RESET, 0, count == 0, 0)
            with m.Default():
                m.d.comb += verdict.eq(Status.UNKNOWN)
        return verdict, length
