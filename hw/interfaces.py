"""Typed interfaces between components; the only bridge from records to layouts."""

from __future__ import annotations

from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.spec.commands import RECORDS, Opcode
from hw.spec.configuration import Configuration
from hw.spec.fields import Record
from hw.spec.image import MATRIX
from hw.spec.numerics import ACCUMULATOR, EXP, PRE_DROP, SUM, VALUE

GAIN_BITS = PRE_DROP + MATRIX.bits
"""Bits of a gain: a PARAMETER, or a weight of an integer layer in front of the fraction bits."""
TOTAL_BITS = 32
"""Integer layers are summed modulo 2**TOTAL_BITS."""


def struct(record: Record) -> data.StructLayout:
    """The Amaranth layout of a record: same names, same order, low bits first."""
    return data.StructLayout(
        {f.name: signed(f.bits) if f.signed else f.bits for f in record.fields}
    )


def command_stream(opcode: Opcode) -> stream.Signature:
    """A stream of decoded commands of the record that `opcode` uses."""
    return stream.Signature(struct(RECORDS[opcode]))


class MemoryRead(wiring.Signature):
    """A client's read port: ``data`` of a request granted in cycle t is valid in cycle t+1 only.

    ``grant`` must not depend on this client's own request through logic of the client; a client
    of the highest priority sees ``grant`` high always.

    Parameters
    ----------
    words : int
        Words of the memory (address width is that of ``words - 1``).
    bits : int
        Bits of a word.
    """

    def __init__(self, words: int, bits: int) -> None:
        super().__init__(
            {
                "address": Out(max(1, (words - 1).bit_length())),
                "request": Out(1),
                "grant": In(1),
                "data": In(bits),
            }
        )


class MemoryWrite(wiring.Signature):
    """A client's write port: a write happens in a cycle with request and grant.

    ``mask`` has a bit for each part of ``bits / parts`` bits of a word.  What is written in cycle
    t is seen by reads requested in cycle t+1 and later.
    """

    def __init__(self, words: int, bits: int, parts: int) -> None:
        super().__init__(
            {
                "address": Out(max(1, (words - 1).bit_length())),
                "data": Out(bits),
                "mask": Out(parts),
                "request": Out(1),
                "grant": In(1),
            }
        )


def value_word(c: Configuration) -> data.ArrayLayout:
    """`lanes` values of one token."""
    return data.ArrayLayout(signed(VALUE.bits), c.lanes)


def accumulator_word(c: Configuration) -> data.ArrayLayout:
    """A beat of the array's results: one token, `lanes` outputs."""
    return data.ArrayLayout(signed(ACCUMULATOR.bits), c.lanes)


def x_read(c: Configuration) -> MemoryRead:
    """Read port of x memory."""
    return MemoryRead(c.x_words, c.lanes * VALUE.bits)


def u_read(c: Configuration) -> MemoryRead:
    """Read port of u memory."""
    return MemoryRead(c.u_words, c.lanes * VALUE.bits)


def x_write(c: Configuration) -> MemoryWrite:
    """Write port of x memory, a mask bit a lane."""
    return MemoryWrite(c.x_words, c.lanes * VALUE.bits, c.lanes)


def u_write(c: Configuration) -> MemoryWrite:
    """Write port of u memory, a mask bit a lane."""
    return MemoryWrite(c.u_words, c.lanes * VALUE.bits, c.lanes)


def row_read(c: Configuration) -> MemoryRead:
    """Read port of row memory: bit 64*slot + i is bit i of token `slot`."""
    return MemoryRead(c.row_words, c.rows * 64)


def row_write(c: Configuration) -> MemoryWrite:
    """Write port of ONE token slot of row memory: 64 bits in parts of `lanes`."""
    return MemoryWrite(c.row_words, 64, 64 // c.lanes)


def column_read(c: Configuration) -> MemoryRead:
    """Read port of column memory: bit 64*column + i is bit i of output `column`."""
    return MemoryRead(c.column_words, c.columns * 64)


def column_write(c: Configuration) -> MemoryWrite:
    """Write port of column memory in parts of `lanes` bits: 64/lanes parts a column."""
    return MemoryWrite(c.column_words, c.columns * 64, c.columns * 64 // c.lanes)


def parameter_read(c: Configuration) -> MemoryRead:
    """Read port of parameter memory."""
    return MemoryRead(c.parameter_words, c.lanes * 16)


def parameter_write(c: Configuration) -> MemoryWrite:
    """Write port of parameter memory, a part a beat of the memory port."""
    return MemoryWrite(c.parameter_words, c.lanes * 16, c.lane_beats)


def exp_write(c: Configuration) -> MemoryWrite:
    """Write port of the exponential table: one entry."""
    return MemoryWrite(c.exp_entries, EXP.bits, 1)


PORT_REQUEST = data.StructLayout({"write": 1, "address": 32, "beats": 16})
"""One burst on the memory port: `beats` (at least 1) from `address`, both in 128-bit beats."""


class MemoryPort(wiring.Signature):
    """The memory port, seen from the accelerator.

    Bursts are requested on ``request``; write data follows on ``write`` in request order, read
    data returns on ``read`` in request order.
    """

    def __init__(self, bits: int = 128) -> None:
        super().__init__(
            {
                "request": Out(stream.Signature(PORT_REQUEST)),
                "write": Out(stream.Signature(bits)),
                "read": In(stream.Signature(bits)),
            }
        )


class Multipliers(wiring.Signature):
    """Two multipliers a lane, seen from the unit that borrows them where no beat needs them.

    ``total = (first*first_weight*2**(9*raised) + second*second_weight*2**9) / 2**9``, rounded down,
    modulo 2**32.  ``taken`` in cycle t: a beat takes the multipliers, so that what is offered in
    cycle t+1 is not multiplied.  What is offered in a cycle t+1 that is not taken gives the
    ``total`` of cycle t+6.

    ``minus_first``: -first, which is -2**15 to 2**16.  ``first_weight``: a weight times 2**9, or
    any number of 17 bits.
    """

    def __init__(self, c: Configuration) -> None:
        super().__init__(
            {
                "taken": In(1),
                "minus_first": Out(signed(VALUE.bits + 1)),
                "second": Out(signed(VALUE.bits)),
                "raised": Out(1),
                "first_weight": Out(data.ArrayLayout(signed(GAIN_BITS), c.lanes)),
                "second_weight": Out(data.ArrayLayout(signed(MATRIX.bits), c.lanes)),
                "total": In(data.ArrayLayout(signed(TOTAL_BITS), c.lanes)),
            }
        )


def lanes_trace(c: Configuration) -> data.StructLayout:
    """What the lanes show of every beat: tag, s, y, out, bits of three sets."""
    return data.StructLayout(
        {
            "tag": 12,
            "s": data.ArrayLayout(signed(SUM.bits), c.lanes),
            "y": value_word(c),
            "out": value_word(c),
            "pooled": value_word(c),
            "bits": data.ArrayLayout(c.lanes, 3),
        }
    )


def score_trace(c: Configuration) -> data.StructLayout:
    """What the attention unit shows of every score beat: one query, `lanes` keys.

    ``pop``: popcount less padding (before the clamp).
    """
    return data.StructLayout({"tag": 12, "pop": accumulator_word(c)})


def probability_trace(c: Configuration) -> data.StructLayout:
    """What the attention unit shows of every write: one query, `lanes` attention bits."""
    return data.StructLayout({"tag": 12, "bits": c.lanes})


def branch_trace(c: Configuration) -> data.StructLayout:
    """What the pooling unit shows of BRANCH: `pool_lanes` channels of one token."""
    part = data.ArrayLayout(signed(VALUE.bits), c.pool_lanes)
    return data.StructLayout(
        {"tag": 12, "h3": part, "w3": part, "h5": part, "w5": part, "sum": part}
    )


def grid_trace(c: Configuration) -> data.StructLayout:
    """What the pooling unit shows of GRID: one output word."""
    return data.StructLayout({"tag": 12, "mean": value_word(c)})


def dense_trace(c: Configuration) -> data.StructLayout:
    """What the dense unit shows of every write: a word of results, or a half of 32-bit ones."""
    return data.StructLayout({"tag": 12, "word": value_word(c)})
