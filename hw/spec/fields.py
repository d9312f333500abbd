"""Packed records: named bit fields, low bits first, and their encoding."""

from __future__ import annotations

from dataclasses import dataclass


class FieldError(ValueError):
    """A field that is unknown, missing or out of its range."""


@dataclass(frozen=True)
class Field:
    """One field: `bits` wide, with a one-line meaning."""

    name: str
    bits: int
    meaning: str
    signed: bool = False


@dataclass(frozen=True)
class Record:
    """An ordered list of fields packed into an integer, first field in the lowest bits."""

    name: str
    fields: tuple[Field, ...]

    @property
    def bits(self) -> int:
        """Total width."""
        return sum(f.bits for f in self.fields)

    def encode(self, values: dict[str, int]) -> int:
        """Packs `values` (absent fields are 0).

        Raises
        ------
        FieldError
            For an unknown field or a value outside its field.
        """
        unknown = set(values) - {f.name for f in self.fields}
        if unknown:
            raise FieldError(f"{self.name}: no field {sorted(unknown)}; it has {self.names}")
        word, position = 0, 0
        for f in self.fields:
            value = int(values.get(f.name, 0))
            low, high = (
                (-(1 << f.bits - 1), (1 << f.bits - 1) - 1) if f.signed else (0, (1 << f.bits) - 1)
            )
            if not low <= value <= high:
                raise FieldError(
                    f"{self.name}.{f.name}: {value} is outside {low}..{high} ({f.meaning})"
                )
            word |= (value & ((1 << f.bits) - 1)) << position
            position += f.bits
        return word

    def decode(self, word: int) -> dict[str, int]:
        """Unpacks an integer into a value a field."""
        values, position = {}, 0
        for f in self.fields:
            raw = (word >> position) & ((1 << f.bits) - 1)
            if f.signed and raw >> (f.bits - 1):
                raw -= 1 << f.bits
            values[f.name] = raw
            position += f.bits
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """Field names in order."""
        return tuple(f.name for f in self.fields)
