"""The result FIFO between array and lanes."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import accumulator_word
from hw.spec.configuration import Configuration


def result_beats(c: Configuration) -> int:
    """Beats that the FIFO holds: `result_groups` groups, up to a power of two.

    LUT RAM comes in such depths, and the pointers then wrap by themselves.
    """
    return 1 << (c.result_groups * c.rows - 1).bit_length()


class ResultFifo(wiring.Component):
    """FIFO of `result_beats` beats in LUT RAM with a registered output.

    Latency 2 cycles; one beat a cycle in and out.  The writer has no ready: it counts beats by
    `taken` and never has more than that many in here.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    write : In(1)
        `data` is written in this cycle.
    data : In(accumulator_word)
        A beat.
    taken : Out(1)
        A beat left the RAM in this cycle: its place is free from the next cycle on.
    result : Out(stream of accumulator_word)
        The beats in order.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "write": In(1),
                "data": In(accumulator_word(c)),
                "taken": Out(1),
                "result": Out(stream.Signature(accumulator_word(c))),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        depth = result_beats(c)
        m.submodules.storage = storage = memory.Memory(
            shape=len(self.data.as_value()), depth=depth, init=[]
        )
        write_port = storage.write_port()
        read_port = storage.read_port(domain="comb")

        write_next, read_next = Signal(range(depth)), Signal(range(depth))
        filled = Signal(range(depth + 1))
        m.d.comb += [
            write_port.addr.eq(write_next),
            write_port.en.eq(self.write),
            write_port.data.eq(self.data),
            read_port.addr.eq(read_next),
            self.taken.eq((filled != 0) & (self.result.ready | ~self.result.valid)),
        ]
        m.d.sync += [
            write_next.eq(write_next + self.write),
            read_next.eq(read_next + self.taken),
            filled.eq(filled + self.write - self.taken),
        ]
        valid, payload = Signal(), Signal(self.data.shape(), reset_less=True)
        m.d.comb += [self.result.valid.eq(valid), self.result.payload.eq(payload)]
        with m.If(self.taken):
            m.d.sync += [valid.eq(1), payload.as_value().eq(read_port.data)]
        with m.Elif(self.result.ready):
            m.d.sync += valid.eq(0)
        return m
