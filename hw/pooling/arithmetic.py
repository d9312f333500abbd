"""Pipeline stages and clamps of the pooling unit's arithmetic, on one value each."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value


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


def fits(value: Value, bits: int) -> Value:
    """Whether a signed value is within `bits` bits: the bits above are copies of the sign."""
    above = value[bits - 1 :] if len(value) > bits else value[-1:]
    return above.all() | ~above.any()


def saturate(value: Value, bits: int) -> Value:
    """A signed value clamped to `bits` bits."""
    sign = value[-1]
    high = Cat((~sign).replicate(bits - 1), sign)
    return Mux(fits(value, bits), value[:bits], high).as_signed()
