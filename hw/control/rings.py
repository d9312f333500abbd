"""The commands that wait for an engine, in block RAM."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.spec.configuration import Configuration


class Rings(wiring.Component):
    """Rings of `queue_depth` commands in one block RAM, a ring each queue.

    One command in and one out a cycle.  Of several queues that want their
    next command, the first is served.  None waits long, for commands come no faster than one every
    5 cycles.

    Latency: a command can be read a cycle after it came.  Respects back-pressure: a full ring takes
    nothing.  No golden partner.  Validated within :class:`hw.control.dispatch.Dispatch`.

    Parameters
    ----------
    configuration : Configuration
        Gives queue_depth.
    bits : int
        Bits of a command.
    rings : int
        Queues.

    Members
    -------
    input : In(stream of bits)
        Commands.
    ring : In(rings)
        One hot: whose the command is; `input` waits while none is.
    want : In(rings)
        The queue has a place for its next command; falls only by `pick`.
    pick : Out(rings)
        One hot: the queue's next command is chosen.
    give : Out(rings)
        `pick` a cycle later: `payload` is that command.
    payload : Out(bits)
        A command.
    """

    def __init__(self, configuration: Configuration, bits: int, rings: int) -> None:
        self._depth, self._bits, self._rings = configuration.queue_depth, bits, rings
        super().__init__(
            {
                "input": In(stream.Signature(bits)),
                "ring": In(rings),
                "want": In(rings),
                "pick": Out(rings),
                "give": Out(rings),
                "payload": Out(bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        place_bits = (self._depth - 1).bit_length()
        m.submodules.commands = commands = Memory(
            shape=self._bits,
            depth=self._rings << place_bits,
            init=[],
            attrs={"ram_style": "block"},
        )
        write, read = commands.write_port(), commands.read_port()
        m.d.comb += [
            write.data.eq(self.input.payload),
            write.en.eq(self.input.valid & self.input.ready),
            read.en.eq(1),
            self.payload.eq(read.data),
        ]

        room, taken = [], 0
        for index in range(self._rings):
            level = Signal(range(self._depth + 1), name=f"level{index}")
            some, full = Signal(name=f"some{index}"), Signal(name=f"full{index}")
            into = Signal(range(self._depth), name=f"into{index}")
            out_of = Signal(range(self._depth), name=f"out_of{index}")
            written = write.en & self.ring[index]
            picked = self.pick[index]
            m.d.comb += picked.eq(self.want[index] & some & ~taken)
            taken = taken | (self.want[index] & some)
            with m.If(written & ~picked):
                m.d.sync += [level.eq(level + 1), some.eq(1), full.eq(level == self._depth - 1)]
            with m.Elif(~written & picked):
                m.d.sync += [level.eq(level - 1), some.eq(level != 1), full.eq(0)]
            for place, moves in ((into, written), (out_of, picked)):
                with m.If(moves):
                    m.d.sync += place.eq(Mux(place == self._depth - 1, 0, place + 1))
            room.append(self.ring[index] & ~full)
            with m.If(self.ring[index]):
                m.d.comb += write.addr.eq(index << place_bits | into)
            with m.If(picked):
                m.d.comb += read.addr.eq(index << place_bits | out_of)
        m.d.comb += self.input.ready.eq(Cat(room).any())
        m.d.sync += self.give.eq(self.pick)
        return m
