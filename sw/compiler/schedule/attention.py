"""Commands of attention: scores, and the signed sum of attended values."""

from __future__ import annotations

from hw.spec.commands import Opcode
from sw.compiler.schedule.emit import Emitter
from sw.compiler.schedule.image import BlockImage
from sw.compiler.schedule.lanes import lane_fields, tile_fields
from sw.compiler.schedule.operands import BitsTo, Values
from sw.compiler.schedule.program import Access, At, Buffer


def scores(
    e: Emitter,
    block: BlockImage,
    first: int,
    tokens: int,
    head: int,
    query: Access,
    keys: Buffer,
    probability: Buffer,
) -> None:
    """SCORE of one head over `tokens` queries whose bits lie in `query`."""
    c = e.c
    d = block.channels // block.heads
    low, high = head * d, (head + 1) * d
    word0, word1 = low // 64, (high - 1) // 64
    k_words = -(-block.channels // 64)
    m_words = -(-block.keys // 64)
    tiles = tile_fields(c, tokens)
    base = head * tiles["tiles"] * m_words
    words = word1 - word0 + 1
    exp = e.load_table(block.exp)
    fields = tiles | {
        "outer": -(-block.keys // c.lanes),
        "inner": 1,
        "heads": 1,
        "words": words,
        "row_base": At(query.buffer, query.start + word0),
        "row_tile": k_words,
        "column_base": At(keys, word0 * c.group_tiles),
        "column_group": k_words * c.group_tiles,
        "first_bit": low % 64,
        "last_bit": (high - 1) % 64 + 1,
        "head_channels": c.lanes,
        "keys": block.keys,
        "index_base": block.index_base,
        "padding": 64 * words - d,
        "probability_base": At(probability, base),
        "probability_tile": m_words,
        "scale": block.scale,
        "scale_shift": block.scale_shift,
    }
    e.add(
        Opcode.SCORE,
        "attention.scores",
        fields,
        [
            query,
            Access(keys, 0, keys.words, False),
            Access(exp, 0, exp.words, False),
            Access(probability, base, base + tiles["tiles"] * m_words, True),
        ],
        {"first": first, "tokens": tokens, "head": head},
        macs=tokens * block.keys * d,
    )


def context(
    e: Emitter,
    block: BlockImage,
    first: int,
    tokens: int,
    values: Buffer,
    probability: Buffer,
    u: Values,
    bits: BitsTo,
) -> None:
    """CONTEXT, a command a channel group: signed sum, then U to t in place."""
    c, layer = e.c, e.layers["context"]
    d = block.channels // block.heads
    m_words = -(-block.keys // 64)
    tiles = tile_fields(c, tokens)
    head_words = tiles["tiles"] * m_words
    group_words = m_words * c.group_tiles
    for unit in e.units("context"):
        for group in range(unit.first, unit.last):
            head0, head1 = group * c.lanes // d, ((group + 1) * c.lanes - 1) // d
            fields, accesses = lane_fields(
                c,
                layer,
                unit,
                tokens,
                (group, group + 1),
                residual=u,
                destination=u,
                bits=bits,
            )
            fields |= tiles | {
                "parameter_base": At(unit.parameters, (group - unit.first) * layer.field_count),
                "outer": 1,
                "inner": 1,
                "heads": head1 - head0 + 1,
                "words": m_words,
                "row_base": At(probability, head0 * head_words),
                "row_tile": m_words,
                "row_head": head_words,
                "column_base": At(values, group * group_words),
                "column_group": group_words,
                "last_bit": (block.keys - 1) % 64 + 1,
                "head_channels": d,
                "head_skip": group * c.lanes - head0 * d,
                "first_group": group,
            }
            accesses += [
                Access(probability, head0 * head_words, (head1 + 1) * head_words, False),
                Access(values, group * group_words, (group + 1) * group_words, False),
            ]
            e.add(
                Opcode.CONTEXT,
                "context",
                fields,
                accesses,
                {"first": first, "tokens": tokens},
                macs=tokens * block.keys * c.lanes,
                elements=tokens * c.lanes,
            )
