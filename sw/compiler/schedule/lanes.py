"""Commands of array and lanes: binary layers, and the fields that all of them share."""

from __future__ import annotations

from hw.spec.commands import Bits, Opcode
from hw.spec.configuration import Configuration
from sw.compiler.schedule.emit import SOURCE, Emitter
from sw.compiler.schedule.image import LayerImage
from sw.compiler.schedule.operands import BitsTo, Strided, Unit, Upsampled, Values
from sw.compiler.schedule.program import Access, At

Words = tuple[int, int]
"""Words [first, last) of every token."""


def tile_fields(c: Configuration, tokens: int) -> dict[str, int]:
    """Fields ``tiles`` and ``last_tokens``."""
    tiles = -(-tokens // c.rows)
    return {"tiles": tiles, "last_tokens": tokens - (tiles - 1) * c.rows}


def lane_fields(
    c: Configuration,
    layer: LayerImage,
    unit: Unit,
    tokens: int,
    words: Words,
    *,
    residual: Values | None = None,
    main: Values | Upsampled | Strided | None = None,
    destination: Values | None = None,
    bits: BitsTo | None = None,
    main_words: Words | None = None,
    destination_words: Words | None = None,
) -> tuple[dict, list[Access]]:
    """LANES fields and accesses.

    `words` of the operands' tokens are read; `main_words` and `destination_words` where main or
    destination differ.
    """
    main_words, destination_words = main_words or words, destination_words or words
    fields: dict[str, int | At] = {
        "gain_shift": layer.gain_shift,
        "slope_shift": layer.slope_shift,
        "up": 1,
        "sets": 1,
        "residual_gain": layer.constants.get("residual_gain", 0),
        "slope_positive": layer.constants.get("slope_positive", 0),
        "parameter_base": At(unit.parameters),
        "parameter_fields": layer.fields_mask,
    }
    accesses = [Access(unit.parameters, 0, unit.parameters.words, False)]
    if residual is not None:
        fields |= {
            "residual": int(SOURCE[residual.buffer.memory]),
            "residual_base": At(residual.buffer, residual.offset + words[0]),
            "residual_token": residual.token_words,
        }
        accesses.append(residual.access(tokens, False, *words))
    if main is not None:
        fields |= {
            "main": int(SOURCE[main.buffer.memory]),
            "main_base": At(main.buffer, main.offset + main_words[0]),
            "main_token": main.token_words,
        }
        if isinstance(main, Upsampled):
            fields |= {"up": main.factor, "up_row": main.row, "width": main.width}
        if isinstance(main, Strided):
            fields |= {"main_row": main.row_words, "width": main.width}
        accesses.append(main.access(tokens, False, *main_words))
    if destination is not None:
        fields |= {
            "destination": int(SOURCE[destination.buffer.memory]),
            "destination_base": At(destination.buffer, destination.offset),
            "destination_token": destination.token_words,
        }
        accesses.append(destination.access(tokens, True, *destination_words))
    if bits is not None:
        fields |= {
            "bits": int(bits.kind),
            "bits_from_out": int(bits.from_out),
            "sets": layer.sets,
            "bits_base": At(bits.buffer, bits.offset),
            "bits_set": bits.set_words,
            "bits_tile": bits.tile_words,
            "first_key": bits.first_key,
        }
        accesses.append(_bits_access(c, bits, layer.sets, tokens))
    return fields, accesses


def _bits_access(c: Configuration, bits: BitsTo, sets: int, tokens: int) -> Access:
    if bits.kind is not Bits.ROW:
        return Access(bits.buffer, 0, bits.buffer.words, True)
    words = -(-tokens // c.rows) * bits.tile_words
    stop = bits.offset + (sets - 1) * bits.set_words + words
    return Access(bits.buffer, bits.offset, stop, True)


def linear(
    e: Emitter,
    name: str,
    first: int,
    tokens: int,
    row: Access,
    *,
    residual: Values,
    main: Values | Upsampled | None = None,
    destination: Values | None = None,
    bits: BitsTo | None = None,
    inner: int = 1,
    pool: int | None = None,
    groups: Words | None = None,
) -> None:
    """A binary linear layer over `tokens` tokens whose bits lie in `row`.

    One command a unit; `inner` > 1 runs groups that share a residual one behind another.
    `groups` runs only these channel groups, on the residual's words from 0.
    """
    layer, c = e.layers[name], e.c
    k_words = layer.weight.shape[1]
    padding = 64 * k_words - layer.inputs
    all_groups = layer.outputs // c.lanes
    start = groups[0] if groups else 0
    for unit in e.units(name, inner, groups):
        first_outer, outer = unit.first // inner, (unit.last - unit.first) // inner
        own = (start + first_outer, start + first_outer + outer)
        fields, accesses = lane_fields(
            c,
            layer,
            unit,
            tokens,
            (first_outer, first_outer + outer),
            residual=residual,
            main=main,
            destination=destination,
            bits=bits,
            main_words=own,
            # Groups behind one another lie all over the token, pooled or not.
            destination_words=own if inner == 1 else (0, destination.token_words),
        )
        fields |= tile_fields(c, tokens) | {
            "outer": outer,
            "inner": inner,
            "heads": 1,
            "words": k_words,
            "row_base": At(row.buffer, row.start),
            "row_tile": k_words,
            "column_base": At(unit.weights),
            "column_group": k_words * c.group_tiles,
            "last_bit": 64 - padding,
            "head_channels": c.lanes,
            "double": 1,
            "offset": layer.inputs + 2 * padding,
            "first_group": own[0],
            "group_step": all_groups // inner if inner > 1 else 0,
        }
        if pool is not None:
            fields |= {"pooled": 1, "pool": pool}
        accesses += [row, Access(unit.weights, 0, unit.weights.words, False)]
        outputs = (unit.last - unit.first) * c.lanes
        e.add(
            Opcode.LINEAR,
            name,
            fields,
            accesses,
            {"first": first, "tokens": tokens},
            macs=tokens * outputs * layer.inputs,
            elements=tokens * outputs,
            forms=bits.block if bits else "",
        )
