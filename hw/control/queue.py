"""First-in first-out queues: small ones of anything, deep ones of wide words."""

from __future__ import annotations

from amaranth.hdl import Module, Shape, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.spec.configuration import Configuration


class Queue(wiring.Component):
    """Queue of `depth` beats in LUT RAM; ready and valid come from its level register alone.

    Latency 1 cycle; one beat a cycle, also when it is read and written in the same cycle (but a
    full queue takes nothing).  Respects back-pressure.  No golden partner.  Validated within
    :class:`hw.control.control.Control`.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes (unused: the queue's own are below).
    shape : ShapeLike
        Payload.
    depth : int
        Beats, at least 2.

    Members
    -------
    input : In(stream of shape)
        Beats in.
    output : Out(stream of shape)
        The same beats.
    """

    def __init__(self, configuration: Configuration, shape, depth: int) -> None:
        self._width, self._depth = Shape.cast(shape).width, depth
        super().__init__(
            {
                "input": In(stream.Signature(shape)),
                "output": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = SyncFIFO(width=self._width, depth=self._depth)
        m.d.comb += [
            fifo.w_data.eq(self.input.payload),
            fifo.w_en.eq(self.input.valid),
            self.input.ready.eq(fifo.w_rdy),
            self.output.payload.eq(fifo.r_data),
            self.output.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.output.ready),
        ]
        return m


class BlockQueue(wiring.Component):
    """Queue of `depth` beats in block RAM, and one more in the RAM's output register.

    Latency 2 cycles; one beat a cycle, also when it is read and written in the same cycle (but a
    full queue takes nothing).  Respects back-pressure.  No golden partner.  Validated within
    :class:`hw.control.control.Control`.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes (unused: the queue's own are below).
    shape : ShapeLike
        Payload.
    depth : int
        Beats, a power of two.

    Members
    -------
    input : In(stream of shape)
        Beats in.
    output : Out(stream of shape)
        The same beats.
    """

    def __init__(self, configuration: Configuration, shape, depth: int) -> None:
        self._width, self._depth = Shape.cast(shape).width, depth
        super().__init__(
            {
                "input": In(stream.Signature(shape)),
                "output": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.beats = beats = Memory(
            shape=self._width, depth=self._depth, init=[], attrs={"ram_style": "block"}
        )
        write, read = beats.write_port(), beats.read_port()
        waiting = Signal(range(self._depth + 1))
        m.d.comb += [
            self.input.ready.eq(waiting != self._depth),
            write.data.eq(self.input.payload),
            write.en.eq(self.input.valid & self.input.ready),
            read.en.eq((waiting != 0) & (~self.output.valid | self.output.ready)),
            self.output.payload.eq(read.data),
        ]
        m.d.sync += [
            write.addr.eq(write.addr + write.en),
            read.addr.eq(read.addr + read.en),
            waiting.eq(waiting + write.en - read.en),
            self.output.valid.eq(read.en | (self.output.valid & ~self.output.ready)),
        ]
        return m
