"""Operands of 8 bits from elements of 16."""

from __future__ import annotations

from amaranth.hdl import Cat, Mux, Value

from hw.spec.image import NORMED


def centred(byte: Value) -> Value:
    """A pixel less 128."""
    return Cat(byte[:7], ~byte[7]).as_signed()


def clamped(element: Value) -> Value:
    """A VALUE saturated to NORMED."""
    value = element.as_signed()
    clamped = Mux(value > NORMED.high, NORMED.high, Mux(value < NORMED.low, NORMED.low, value))
    return clamped[: NORMED.bits].as_signed()
