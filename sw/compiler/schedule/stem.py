"""The stem's operations: pixels, integer matrix, affine layer, positions."""

from __future__ import annotations

from hw.spec.commands import Operand
from hw.spec.configuration import Configuration
from sw.compiler.packed import PackedNetwork, Shape
from sw.compiler.schedule.dense import Matrix, Operands
from sw.compiler.schedule.emit import Emitter, Stream
from sw.compiler.schedule.image import layer_image
from sw.compiler.schedule.input_bits import InputBits
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.passes import affine
from sw.compiler.schedule.pooled import PooledRows
from sw.compiler.schedule.positions import Positions, runs
from sw.compiler.schedule.program import Buffer

PATCH_CHANNELS = 3
"""Colours of a pixel."""
RUNS = 4
"""Runs of tokens that the stem is cut into at least."""


def pixel_words(shape: Shape, c: Configuration) -> int:
    """X words of a token's pixels: two bytes an element, filled up to whole words."""
    return -(-PATCH_CHANNELS * shape.patch**2 // (2 * c.lanes))


def stem(
    stream: Stream,
    packed: PackedNetwork,
    resident: bool,
    picture: int,
    following: PooledRows | None = None,
    bits: InputBits | None = None,
) -> Values:
    """From the picture at beat `picture` to x of stage 1, in runs of tokens that fit.

    Parameters
    ----------
    resident : bool
        x stays in x memory; else it goes to the spill memory.
    following : PooledRows or None
        The means of x for the first block, formed here if a run can be one of its windows.
    bits : InputBits or None
        The bits of x for the first block, formed here as far as row memory has room.
    """
    c, layer, shape = stream.configuration, packed.layer("stem"), packed.model
    image = layer_image(layer)
    if bits and bits.hold(c.row_words):
        image = bits.carried_by(image)
    e = Emitter(stream, {"stem": image}, c.column_words)
    matrix = Matrix(e, "stem", layer)
    words, extra = pixel_words(shape, c), int(shape.class_token)
    windows = following and _windows(c, words, following)
    if not windows:
        following = None
    positions = Positions(e, stream, layer, resident, following)
    patches = shape.side(1) ** 2
    pairs = -(-PATCH_CHANNELS * shape.patch**2 // 2)
    step = _step(c, words, positions.x, resident, patches)
    if following is not None:
        count, step = windows
        following.hold(count)
    parts = list(runs(patches, step))

    def load(first: int, count: int) -> Values:
        pixels = Values(Buffer("pixels", "x", count * words), 0, words)
        e.load_values("stem.pixels", pixels, count, picture + first * words * c.lane_beats)
        return pixels

    ahead = load(*parts[0])
    for number, (first, count) in enumerate(parts):
        if first and not matrix.stays:
            e.forget()
        pixels = ahead
        sums = Values(
            Buffer("stem.sum", "u", count * positions.x.token_words), 0, positions.x.token_words
        )
        # A class token has no pixels: its position is its x.
        start = first + extra if first else 0
        tokens = first + extra + count - start
        matrix.multiply(first + extra, [(Operands(Operand.PIXEL, pixels, pairs), count)], sums)
        if number + 1 < len(parts):  # in front of positions, which wait for room
            ahead = load(*parts[number + 1])
        x = positions.load(start, tokens)
        out = x.at(first + extra - start)
        to = bits and bits.to(first + extra, count)
        affine(e, "stem", first + extra, count, sums, out, main=out, bits=to)
        positions.finish(start, tokens, x)
    return positions.x


def _step(c: Configuration, words: int, x: Values, resident: bool, patches: int) -> int:
    """Tokens of a run: whole tiles of which two fit, and at least RUNS runs.

    The lanes take one run, and the port brings the next, while the dense unit multiplies.
    """
    free = c.x_words - (x.buffer.words if resident else 0)
    token = words + (0 if resident else x.token_words)
    step = min(free // (2 * token), c.u_words // (2 * x.token_words), -(-patches // RUNS))
    return max(c.rows, step // c.rows * c.rows)


def _windows(c: Configuration, words: int, following: PooledRows) -> tuple[int, int] | None:
    """Windows, and tokens of a run of whole rows, that x memory holds beside two runs of pixels.

    Two windows rather than long runs: one is filled while the other is pooled and stored.
    """
    width, means = following.tokens // following.rows, following.means.buffer.words
    for count in (2, 1):
        for rows in range(following.rows, 0, -1):
            tokens = rows * width
            if (
                following.rows % rows == 0
                and 2 * tokens * words + count * following.words <= c.x_words
                and 2 * tokens * following.token_words + means <= c.u_words
            ):
                return count, tokens
    return None
