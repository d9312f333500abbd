"""Arrays of numbers to the bits of an Amaranth payload, and back.

The payload's shape decides: an integer shape takes one number a beat; an array layout of n elements
takes rows of n (nested for arrays of arrays), element 0 in the lowest bits; a struct layout takes a
mapping of its field names. A 1-D array, or a list, of whole payloads (bits as unsigned numbers) is
accepted for any shape.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Shape, ShapeCastable
from amaranth.lib import data, enum

Columns = dict[str, np.ndarray]


def _layout(shape: Any) -> Any:
    """A shape with views and aliases resolved: a `data.Layout` or a `Shape`."""
    while isinstance(shape, ShapeCastable) and not isinstance(shape, data.Layout):
        if isinstance(shape, type) and issubclass(shape, (data.Struct, data.Union)):
            shape = data.Layout.cast(shape)
        elif isinstance(shape, enum.EnumMeta):
            return Shape.cast(shape)
        else:
            shape = shape.as_shape()
    return shape if isinstance(shape, data.Layout) else Shape.cast(shape)


def _check(name: str, values: Sequence[int], shape: Shape) -> None:
    low = -(1 << (shape.width - 1)) if shape.signed and shape.width else 0
    high = (1 << (shape.width - 1 if shape.signed else shape.width)) - 1 if shape.width else 0
    wrong = next((value for value in values if not low <= value <= high), None)
    if wrong is not None:
        raise ValueError(
            f"{name}: value {wrong} does not fit {shape!r} ({low} to {high}); saturate it first"
        )


def encode(name: str, shape: Any, value: Any) -> list[int]:
    """The payload bits of each beat, as unsigned integers.

    Raises
    ------
    ValueError
        A number does not fit its field, or an array's shape does not fit the layout.
    """
    layout = _layout(shape)
    if isinstance(layout, data.StructLayout) and isinstance(value, Mapping):
        if set(value) != set(layout.members):
            raise ValueError(
                f"{name}: fields {sorted(value)} given, {sorted(layout.members)} needed; "
                "give each field an array"
            )
        parts = []
        for key, field in layout:
            bits = encode(f"{name}.{key}", field.shape, value[key])
            parts.append((field.offset, bits))
        if len({len(bits) for _, bits in parts}) > 1:
            raise ValueError(f"{name}: fields of different lengths; give each one row a beat")
        return [sum(b << at for (at, _), b in zip(parts, beat, strict=True))
                for beat in zip(*(bits for _, bits in parts), strict=True)]  # fmt: skip
    if not isinstance(value, np.ndarray):
        value = list(value)
        flat = all(isinstance(item, (int, np.integer)) for item in value)
        value = np.array(value, dtype=object if flat else None)
    if value.dtype == bool:
        value = value.astype(np.uint8)
    if value.dtype.kind not in "iuO":
        raise ValueError(f"{name}: dtype {value.dtype} is not an integer type; round it first")
    if isinstance(layout, data.ArrayLayout) and value.ndim > 1:
        if value.shape[1] != layout.length:
            raise ValueError(
                f"{name}: rows of {value.shape[1]} for a payload of {layout.length} lanes; "
                "reshape to (beats, lanes)"
            )
        stride = Shape.cast(layout.elem_shape).width
        lanes = [encode(f"{name}[{i}]", layout.elem_shape, value[:, i])
                 for i in range(layout.length)]  # fmt: skip
        return [sum(b << (stride * i) for i, b in enumerate(beat))
                for beat in zip(*lanes, strict=True)]  # fmt: skip
    if value.ndim != 1:
        raise ValueError(
            f"{name}: array of shape {value.shape} for payload {layout!r}; give one row a beat"
        )
    numbers = [int(item) for item in value]
    whole = layout if isinstance(layout, Shape) else Shape(layout.size)
    _check(name, numbers, whole)
    mask = (1 << whole.width) - 1
    return [number & mask for number in numbers]


def _numbers(values: list[int], shape: Shape) -> np.ndarray:
    if shape.signed and shape.width:
        sign = 1 << (shape.width - 1)
        values = [(value ^ sign) - sign for value in values]
    return np.array(values, dtype=np.int64 if shape.width < 64 else object)


def decode(shape: Any, beats: list[int]) -> np.ndarray | Columns:
    """Arrays from payload bits: the reverse of `encode`; a struct gives a mapping of arrays."""
    layout = _layout(shape)
    if isinstance(layout, data.StructLayout):
        columns: Columns = {}
        for key, field in layout:
            columns[key] = _field(field, beats)
        return columns
    if isinstance(layout, data.ArrayLayout):
        lanes = [_field(layout[index], beats) for index in range(layout.length)]
        if lanes and isinstance(lanes[0], dict):
            return {key: np.stack([lane[key] for lane in lanes], axis=1) for key in lanes[0]}
        return np.stack(lanes, axis=1)
    return _numbers(beats, layout if isinstance(layout, Shape) else Shape(layout.size))


def _field(field: data.Field, beats: list[int]) -> np.ndarray | Columns:
    mask = (1 << Shape.cast(field.shape).width) - 1
    return decode(field.shape, [(beat >> field.offset) & mask for beat in beats])
