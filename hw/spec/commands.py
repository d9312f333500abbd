"""The command set: 512-bit records, fetched in order and dispatched to six engines.

Every engine runs its commands in order and counts the completed ones.  A command starts when each
engine has completed at least as many commands as its ``after_*`` fields say (counts since start,
so a program has at most 65,535 commands an engine).  Waits only ever point backwards in the
program, hence no deadlock.  A command is complete when everything that it writes is visible.

Engines: ``load`` (LOAD), ``store`` (STORE), ``main`` (LINEAR, CONTEXT, PASS, AFFINE: array and
lanes), ``attention`` (SCORE: array, then attention unit), ``pool`` (GRID, BRANCH), ``dense``
(DENSE: integer layers, classifier).  SCORE shares the array's in-order queue with the main
commands; it completes in ``attention``.

Memory layouts
--------------
A *word* of x and u memory is ``lanes`` values of one token; a tensor with C channels has C/lanes
words a token, token after token.  A *tile* is ``rows`` tokens; row-memory words hold 64 bits of
one tile's tokens: a tensor with K bits a token has ceil(K/64) words a tile, tile after tile;
token slot i is bits 64*i.. of the word.  Attention bits: ceil(M/64) words a tile and head, the
heads of a tile adjacent.  A column-memory word holds 64 bits for each of ``columns`` outputs.
Weights, keys and transposed values share one order: group (``lanes`` outputs: output channels,
keys, value channels), then word of K, then column tile of the group; output
``group*lanes + tile*columns + column``.  K is the input channels for weights and keys, the keys
for transposed values.
"""

from __future__ import annotations

from enum import IntEnum

from hw.spec.fields import Field, Record

COMMAND_BITS = 512
FETCH_AHEAD_BEATS = 32
"""Command fetch may read this many beats of external memory beyond END; it drops them."""


class Engine(IntEnum):
    """The six in-order engines, in the order of the ``after_*`` fields."""

    LOAD = 0
    STORE = 1
    MAIN = 2
    ATTENTION = 3
    POOL = 4
    DENSE = 5


class Opcode(IntEnum):
    """What a command does."""

    END = 0
    LOAD = 1
    STORE = 2
    LINEAR = 3
    CONTEXT = 4
    PASS = 5
    SCORE = 6
    GRID = 7
    BRANCH = 8
    AFFINE = 9
    DENSE = 10


ENGINE_OF = {
    Opcode.LOAD: Engine.LOAD,
    Opcode.STORE: Engine.STORE,
    Opcode.LINEAR: Engine.MAIN,
    Opcode.CONTEXT: Engine.MAIN,
    Opcode.PASS: Engine.MAIN,
    Opcode.AFFINE: Engine.MAIN,
    Opcode.SCORE: Engine.ATTENTION,
    Opcode.GRID: Engine.POOL,
    Opcode.BRANCH: Engine.POOL,
    Opcode.DENSE: Engine.DENSE,
}


class Target(IntEnum):
    """Destination of LOAD."""

    COLUMN = 0
    PARAMETER = 1
    X = 2
    EXP = 3
    """One 24-bit table entry a port beat (its low bits)."""


class Source(IntEnum):
    """Where a lane operand comes from, or goes to."""

    NONE = 0
    X = 1
    U = 2


class Bits(IntEnum):
    """Where the lanes' bits go."""

    NONE = 0
    ROW = 1
    KEY = 2
    VALUE = 3


class Operand(IntEnum):
    """How DENSE reads the 16-bit elements of an operand word, a pair (k, k+1) at a time."""

    PIXEL = 0
    """An element is a pair: two bytes, low byte first, each a pixel; the operand is pixel - 128."""
    NORMED = 1
    """Two adjacent elements are a pair, each saturated to NORMED."""
    VALUE = 2
    """Two adjacent elements are a pair, in full."""


def _f(name: str, bits: int, meaning: str, signed: bool = False) -> Field:
    return Field(name, bits, meaning, signed)


HEADER = (
    _f("opcode", 4, "Opcode"),
    _f("tag", 12, "identity of the command in traces and reports"),
    *(
        _f(f"after_{e.name.lower()}", 16, f"completed {e.name} commands to wait for")
        for e in Engine
    ),
)

ARRAY = (
    _f("tiles", 12, "tiles of tokens, at least 1"),
    _f("last_tokens", 4, "valid tokens of the last tile, 1..rows"),
    _f("outer", 10, "outer groups: for outer, for tile, for inner"),
    _f("inner", 10, "inner groups; group in execution order is outer*inner_count + inner"),
    _f("heads", 6, "segments of a group that accumulate, each with its own row words"),
    _f("words", 8, "64-bit words of K a segment"),
    _f("row_base", 12, "row word of tile 0, segment 0, word 0"),
    _f("row_tile", 12, "row words between tiles"),
    _f("row_head", 12, "row words between segments"),
    _f("column_base", 13, "column word of group 0, word 0, column tile 0"),
    _f("column_group", 12, "column words between groups; words are group_tiles apart"),
    _f("first_bit", 6, "first valid bit of a segment's first word"),
    _f("last_bit", 7, "valid bits end here (exclusive) in a segment's last word, 1..64"),
    _f(
        "head_channels",
        10,
        "CONTEXT: segment i accumulates into the group's output channels "
        "[i*head_channels - head_skip, (i+1)*head_channels - head_skip)",
    ),
    _f("head_skip", 10, "CONTEXT: channels of the first head before this group"),
)
"""XNOR (LINEAR, SCORE): acc += popcount(xnor(row, column)) with both masked to the valid bits, so
an invalid bit counts 1.  CONTEXT: acc += popcount(row & column) - popcount(row & ~column), the
signed sum of +-1 values under attention bits; it needs inner = 1.
Order: outer, tile, inner; inside a group: segment, word, column tile."""

LANES = (
    _f("double", 1, "s = 2*acc - offset instead of acc - offset"),
    _f("offset", 16, "subtracted from the sum", True),
    _f("gain_shift", 2, "index into GAIN_SHIFTS"),
    _f("slope_shift", 2, "index into SLOPE_SHIFTS"),
    _f("residual", 2, "Source of the residual"),
    _f("residual_base", 13, "its word for token 0, outer group 0"),
    _f("residual_token", 8, "its words a token; outer group o is o words further"),
    _f("main", 2, "Source of the main operand; differs from residual's unless NONE"),
    _f("main_base", 13, "its word for the command's first token, outer group 0"),
    _f("main_token", 8, "its words a token"),
    _f(
        "main_row",
        13,
        "words between rows of `width` tokens of main, needs up = 1; 0: tokens follow one another",
    ),
    _f(
        "up",
        4,
        "nearest-neighbour factor of main: 1 is none; factor r reads token "
        "(row//r, column//r) of the grid of ceil-free width//r tokens a row",
    ),
    _f("up_row", 4, "row of the command's first token modulo up; the first column is 0"),
    _f("width", 12, "tokens a row of the picture (used where up > 1 or main_row > 0)"),
    _f("destination", 2, "Source to write"),
    _f("destination_base", 13, "its word for token 0, group 0"),
    _f("destination_token", 8, "its words a token"),
    _f("pooled", 1, "write pooled y's: group g fills part g % 2**pool of word g >> pool"),
    _f("pool", 3, "log2 of the channels that pooled averages, 0..3"),
    _f("first_group", 10, "channel group of outer 0, inner 0"),
    _f("group_step", 7, "channel group g = first_group + outer + inner*group_step"),
    _f("bits", 2, "Bits: where bits go"),
    _f("bits_from_out", 1, "compare out, else y"),
    _f("sets", 2, "bit sets, 1..3 (ROW only beyond 1)"),
    _f("bits_base", 13, "ROW, KEY, VALUE: word of tile 0 (key 0), channel 0, set 0"),
    _f("bits_set", 12, "words between sets"),
    _f(
        "bits_tile",
        12,
        "ROW: words between tiles; KEY: words between key groups; "
        "VALUE: words between channel groups",
    ),
    _f("first_key", 12, "KEY, VALUE: key index of the first token; VALUE: a multiple of lanes"),
    _f("parameter_base", 12, "parameter word of the first group; groups in execution order"),
    _f("parameter_fields", 9, "mask over PARAMETER_FIELDS; their words are adjacent in order"),
    _f("residual_gain", 16, "residual_gain where the mask has none", True),
    _f("slope_positive", 16, "slope_positive where the mask has none", True),
)
"""What the lanes do with each group.  PASS has y = 0 and AFFINE s = 0 (y of the residual alone):
neither has an array part, both use the ARRAY counts.
Operands (residual, main) follow the outer count from their base; destination and bits follow g.
Bits of KEY and VALUE are one set; VALUE needs inner = 1.  With a destination and no `pooled`,
`out` is written to word g of the token."""

ATTENTION = (
    _f("keys", 12, "M: valid keys; outer counts their groups of `lanes`, inside a tile"),
    _f("index_base", 10, "index = pop - index_base, clamped; padding is already taken off"),
    _f("padding", 7, "invalid bits that count 1 in every popcount of this head"),
    _f("probability_base", 12, "row word of tile 0 of this head's attention bits"),
    _f("probability_tile", 12, "row words between tiles"),
    _f("scale", 16, "c/2 mantissa"),
    _f("scale_shift", 6, "c/2 = scale * 2**-scale_shift"),
)
"""SCORE: one head, tiles of queries; per tile outer groups of keys.  Attention bits are written up
to a multiple of `lanes` keys, zero beyond M."""

_LOAD = (
    _f("target", 2, "Target"),
    _f("address", 32, "first beat in external memory"),
    _f("word", 13, "first destination word (EXP: entry)"),
    _f("words", 13, "words to load, at least 1"),
)
_STORE = (
    _f("source", 2, "Source: X or U"),
    _f("address", 32, "first beat in external memory"),
    _f("word", 13, "first source word"),
    _f("words", 13, "words to store, at least 1"),
)
_GRID = (
    _f("base", 13, "x word of the window's first token, channel word 0"),
    _f("token", 8, "words a token"),
    _f("row", 13, "words between picture rows"),
    _f("height", 12, "rows of a window"),
    _f("window", 12, "columns of a window"),
    _f("outputs", 12, "windows side by side"),
    _f("words", 8, "channel words"),
    _f("shift", 5, "even; mean = round(sum, shift)"),
    _f("destination_base", 13, "u word of output 0"),
    _f("destination_token", 8, "u words an output"),
)
_BRANCH = (
    *(_f(f"row{i}", 13, f"x word of picture row y{i - 2:+d}, column 0") for i in range(5)),
    _f("valid", 5, "bit i: row i exists; bit 2 is always set"),
    _f("token", 8, "words a token"),
    _f("width", 12, "tokens a row"),
    _f("words", 8, "channel words"),
    _f("slope_shift", 2, "index into SLOPE_SHIFTS for the branch gains"),
    _f("destination_base", 13, "u word of column 0: x1 + the four branches"),
    _f("destination_token", 8, "u words a token"),
    _f("parameter_base", 12, "parameter word; 12 words a channel word, in BRANCH_FIELDS order"),
)
_DENSE = (
    _f("source", 2, "Source of the operands: X or U"),
    _f("base", 13, "its word for token 0, segment 0, group 0"),
    _f("token", 13, "words between tokens"),
    _f("segments", 4, "runs of words that a token's operands lie in, at least 1"),
    _f("segment", 13, "words between segments"),
    _f("group", 8, "words between the operands of groups (0: all groups read the same)"),
    _f("operand", 2, "Operand"),
    _f("pairs", 12, "pairs of operands in a segment, at least 1"),
    _f("pool", 7, "0: weights from parameter memory; m: mean of m adjacent channels (VALUE only)"),
    _f("tokens", 12, "tokens, at least 1"),
    _f("groups", 10, "groups of `lanes` outputs, at least 1; for group, for token"),
    _f("parameter_base", 12, "first parameter word of group 0"),
    _f("parameter_group", 12, "parameter words between groups"),
    _f("bias", 1, "two words in front of a group's weights are added to the sum; 32-bit result"),
    _f("shift", 5, "dropped from the sum without bias"),
    _f("destination_base", 13, "u word of token 0, group 0"),
    _f("destination_token", 8, "u words between tokens"),
)
"""Output j of a token: ``sum over segments, pairs: operand[k]*w[j][k] + operand[k+1]*w[j][k+1]``.
A weight word holds a pair: lane j's low byte is w[j][k], its high byte w[j][k+1], both signed;
words follow in order of segment, pair.  Without `bias`, ``saturate_VALUE(round(sum, shift))`` is
written to u word ``destination_base + token*destination_token + group``.  With `bias` the two words
before the weights are the low and high halves of a 32-bit number a lane, and the low and high
halves of ``sum + bias`` go to the words at ``... + 2*group`` and one further.  The sum is kept
modulo 2**32.  With `pool` = m (one segment, 2*pairs = lanes*m) no weights are read: lane j's weight
is 1 for operands j*m .. j*m + m - 1, else 0."""

RECORDS = {
    Opcode.END: Record("END", HEADER),
    Opcode.LOAD: Record("LOAD", HEADER + _LOAD),
    Opcode.STORE: Record("STORE", HEADER + _STORE),
    Opcode.LINEAR: Record("LINEAR", HEADER + ARRAY + LANES),
    Opcode.CONTEXT: Record("CONTEXT", HEADER + ARRAY + LANES),
    Opcode.PASS: Record("PASS", HEADER + ARRAY + LANES),
    Opcode.AFFINE: Record("AFFINE", HEADER + ARRAY + LANES),
    Opcode.SCORE: Record("SCORE", HEADER + ARRAY + ATTENTION),
    Opcode.GRID: Record("GRID", HEADER + _GRID),
    Opcode.BRANCH: Record("BRANCH", HEADER + _BRANCH),
    Opcode.DENSE: Record("DENSE", HEADER + _DENSE),
}
"""Every command's record; all share HEADER in their lowest bits."""

assert all(record.bits <= COMMAND_BITS for record in RECORDS.values())


def encode(opcode: Opcode, **values: int) -> int:
    """One command as a 512-bit integer.

    Raises
    ------
    FieldError
        For an unknown field or one out of its range.
    """
    return RECORDS[opcode].encode({"opcode": int(opcode), **values})


def decode(word: int) -> tuple[Opcode, dict[str, int]]:
    """A command's opcode and fields."""
    opcode = Opcode(word & 0xF)
    return opcode, RECORDS[opcode].decode(word)
