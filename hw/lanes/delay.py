"""Fixed delays: chains of registers for narrow signals, a ring in LUT RAM for wide ones."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out


def chain(m: Module, value: Any, cycles: int, *, reset_less: bool = True) -> list[Signal]:
    """Registers behind one another: item ``i`` is `value`, ``i`` cycles later."""
    stages = [value]
    for _ in range(cycles):
        stage = Signal.like(value, reset_less=reset_less)
        m.d.sync += stage.eq(stages[-1])
        stages.append(stage)
    return stages


class Delay(wiring.Component):
    """``output`` is ``input``, `cycles` cycles later.

    A ring in LUT RAM and one register: for words that would cost thousands of registers.  Latency
    `cycles`; one word a cycle; no back-pressure.  Golden partner: none (no arithmetic).

    Parameters
    ----------
    shape : ShapeLike
        Of the word.
    cycles : int
        Delay, 2 to 17.

    Members
    -------
    input : In(shape)
        Word.
    output : Out(shape)
        The word `cycles` cycles later.
    """

    def __init__(self, shape: Any, cycles: int) -> None:
        if not 2 <= cycles <= 17:
            raise ValueError(f"Delay: cycles={cycles} is outside 2..17; use chain()")
        self._cycles = cycles
        super().__init__({"input": In(shape), "output": Out(shape)})

    def elaborate(self, platform) -> Module:
        m = Module()
        steps = self._cycles - 1
        depth = 1 << max(1, (steps - 1).bit_length())
        word = Signal(len(Value.cast(self.input)))
        result = Signal(len(word), reset_less=True)
        m.submodules.ring = ring = memory.Memory(shape=len(word), depth=depth, init=[])
        write, read = ring.write_port(), ring.read_port(domain="comb")
        place = Signal(range(depth))
        m.d.comb += [
            word.eq(self.input),
            write.addr.eq(place),
            write.data.eq(word),
            write.en.eq(1),
            read.addr.eq(place - steps),
            Value.cast(self.output).eq(result),
        ]
        m.d.sync += [place.eq(place + 1), result.eq(read.data)]
        return m
