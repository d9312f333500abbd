"""Commands of the lanes alone: thresholds, affine layers, copies."""

from __future__ import annotations

from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from sw.compiler.schedule.emit import SOURCE, Emitter
from sw.compiler.schedule.lanes import lane_fields, tile_fields
from sw.compiler.schedule.operands import BitsTo, Strided, Values
from sw.compiler.schedule.program import At


def threshold(
    e: Emitter,
    name: str,
    first: int,
    tokens: int,
    main: Values | Strided,
    bits: BitsTo,
    first_group: int = 0,
) -> None:
    """PASS: bits of stored values, as channel groups from `first_group` on."""
    for unit in e.units(name):
        fields, accesses = lane_fields(
            e.c, e.layers[name], unit, tokens, (unit.first, unit.last), main=main, bits=bits
        )
        fields |= _without_array(e.c, tokens, unit.last - unit.first)
        fields |= {"first_group": first_group + unit.first}
        e.add(Opcode.PASS, name, fields, accesses, {"first": first, "tokens": tokens})


def affine(
    e: Emitter,
    name: str,
    first: int,
    tokens: int,
    residual: Values,
    destination: Values,
    main: Values | None = None,
    bits: BitsTo | None = None,
) -> None:
    """AFFINE: y of the residual alone, plus main; its bits, if any, to `bits`."""
    for unit in e.units(name):
        fields, accesses = lane_fields(
            e.c,
            e.layers[name],
            unit,
            tokens,
            (unit.first, unit.last),
            residual=residual,
            main=main,
            destination=destination,
            bits=bits,
        )
        fields |= _without_array(e.c, tokens, unit.last - unit.first)
        fields |= {"first_group": unit.first}
        e.add(
            Opcode.AFFINE,
            name,
            fields,
            accesses,
            {"first": first, "tokens": tokens},
            elements=tokens * (unit.last - unit.first) * e.c.lanes,
            forms=bits.block if bits else "",
        )


def copy(
    e: Emitter, name: str, first: int, tokens: int, source: Values, destination: Values
) -> None:
    """PASS without bits: values to the other memory."""
    fields = _without_array(e.c, tokens, source.token_words) | {
        "up": 1,
        "sets": 1,
        "main": int(SOURCE[source.buffer.memory]),
        "main_base": At(source.buffer, source.offset),
        "main_token": source.token_words,
        "destination": int(SOURCE[destination.buffer.memory]),
        "destination_base": At(destination.buffer, destination.offset),
        "destination_token": destination.token_words,
    }
    accesses = [source.access(tokens, False), destination.access(tokens, True)]
    e.add(Opcode.PASS, name, fields, accesses, {"first": first, "tokens": tokens})


def _without_array(c: Configuration, tokens: int, groups: int) -> dict[str, int]:
    """ARRAY counts of commands that have no array part."""
    return tile_fields(c, tokens) | {"outer": groups, "inner": 1, "heads": 1, "words": 1}
