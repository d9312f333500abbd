"""Pipeline stages of the pooled branches' arithmetic, on one value each."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Shape, Signal, Value

from hw.spec.numerics import Format


class Stages:
    """Makes registers that move only with `advance`.

    Parameters
    ----------
    m : Module
        Where the registers go.
    advance : Signal
        Moves every register.
    """

    def __init__(self, m: Module, advance: Signal) -> None:
        self._m, self._advance = m, advance

    def register(self, name: str, value, reset: bool = False) -> Signal:
        """`value`, a cycle of `advance` later; of its own width and sign."""
        value = Value.cast(value)
        later = Signal(value.shape(), name=name, reset_less=not reset)
        with self._m.If(self._advance):
            self._m.d.sync += later.eq(value)
        return later


def saturate(value: Value, to: Format) -> Value:
    """`value` clamped to the range of a signed format."""
    shape = Shape(to.bits, signed=True)
    clamped = Mux(value > to.high, to.high, Mux(value < to.low, to.low, value))
    return clamped[: shape.width].as_signed()
