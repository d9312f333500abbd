"""Pipeline registers and clamps of the pooling unit's arithmetic, on one value each."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value


def register(m: Module, name: str, value, reset: bool = False) -> Signal:
    """`value`, a cycle later; of its own width and sign."""
    value = Value.cast(value)
    later = Signal(value.shape(), name=name, reset_less=not reset)
    m.d.sync += later.eq(value)
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
