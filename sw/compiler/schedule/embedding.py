"""The operations of a 2x2 patch embedding, binary or real, in runs of output rows that fit."""

from __future__ import annotations

from abc import ABC, abstractmethod

from hw.spec.commands import Bits, Operand
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule.dense import Matrix, Operands
from sw.compiler.schedule.emit import Emitter, Stream
from sw.compiler.schedule.image import layer_image
from sw.compiler.schedule.input_bits import InputBits
from sw.compiler.schedule.lanes import linear
from sw.compiler.schedule.operands import BitsTo, Strided, Values
from sw.compiler.schedule.passes import affine, threshold
from sw.compiler.schedule.pooled import PooledRows
from sw.compiler.schedule.pooling import Window, grid
from sw.compiler.schedule.positions import Positions, runs
from sw.compiler.schedule.program import Access, Buffer

MEAN_SHIFT = 2
"""Of the mean of 2x2 tokens."""


def embedding(
    stream: Stream,
    packed: PackedNetwork,
    stage: int,
    resident: bool,
    following: PooledRows | None = None,
) -> Embedding:
    """The embedding in front of `stage`, of the network's kind."""
    kind = RealEmbedding if packed.model.embedding == "real" else BinaryEmbedding
    return kind(stream, packed, stage, resident, following)


class Embedding(ABC):
    """What both kinds share: the rows that a run takes, where they come from and go to.

    Parameters
    ----------
    stage : int
        The stage whose x is made.
    resident : bool
        The new x stays in x memory; else it goes to the spill memory.
    following : PooledRows or None
        The means of the new x for the first block, formed here if x memory has room for windows.

    Attributes
    ----------
    following : PooledRows or None
        The same.
    input_bits : InputBits or None
        The bits of the new x for the first block, formed here as far as row memory has room.
    """

    input_bits: InputBits | None = None

    def __init__(
        self,
        stream: Stream,
        packed: PackedNetwork,
        stage: int,
        resident: bool,
        following: PooledRows | None = None,
    ) -> None:
        c = self.c = stream.configuration
        self.name = f"stage{stage}.embedding"
        layers = {
            name: layer_image(layer)
            for name, layer in packed.layers.items()
            if name == self.name or name.startswith(f"{self.name}.")
        }
        self.layer = packed.layer(self.name)
        self.e = Emitter(stream, layers, max(16, c.column_words // 8))
        self.positions = Positions(self.e, stream, self.layer, resident)
        self.resident, self.following = resident, following
        self.side = packed.model.side(stage)
        self._rows = 0
        self.token_words = packed.model.channels[stage - 2] // c.lanes
        self.row_words = 2 * self.side * self.token_words

    @property
    def formed(self) -> bool:
        """Whether every row of the new x is emitted."""
        return self._rows == self.side

    @property
    def runs_by_row(self) -> bool:
        """Whether rows may come one at a time, as another layer makes what they need."""
        return self.stays and self.fits(2 * self.side)

    @property
    @abstractmethod
    def stays(self) -> bool:
        """Whether the weights may stay on chip between runs."""

    @abstractmethod
    def fits(self, tokens: int) -> bool:
        """Whether row and u memory hold a run of output tokens."""

    @abstractmethod
    def row_bits(self, tokens: int) -> int:
        """Row words of a run of output tokens."""

    @abstractmethod
    def prepare(self, row: int, rows: int, source: Values) -> object:
        """All that reads the previous x, at the first picture row of output row `row`."""

    @abstractmethod
    def finish(self, row: int, rows: int, prepared: object, out: Values) -> None:
        """Positions at `out` to x."""

    def emit(self, x: Values) -> None:
        """From x of the previous stage, on chip or spilled, to the new one, in runs of rows."""
        spilled = x.buffer.memory == "spill"
        self.hold_bits(self.c.row_words, self.rows(x))
        if self.following and spilled and self.window_rows(self.following):
            self.following.hold(2)
            self.positions.following = self.following
        for row, rows in runs(self.side, self.rows(x)):
            if row and not self.stays:
                self.e.forget()
            source = x.at(4 * row * self.side)
            if spilled:
                chunk = Buffer(f"{self.name}.source", "x", 2 * rows * self.row_words)
                values = Values(chunk, 0, self.token_words)
                self.e.load_values(f"{self.name}.load", values, 4 * rows * self.side, source)
                source = values
            self.complete(row, rows, self.prepare(row, rows, source))

    def hold_bits(self, room: int, rows: int) -> None:
        """Forms the next block's input bits if `room` row words take them and two runs of rows."""
        room -= 2 * self.row_bits(rows * self.side)
        if self.input_bits is not None and self.input_bits.hold(room):
            self.e.layers[self.name] = self.input_bits.carried_by(self.e.layers[self.name])

    def spills(self, spilled: bool) -> None:
        """Whether a new x that is to stay is spilled while the old one is there."""
        self.resident = not spilled
        self.positions.stays(self.resident)

    def bring(self) -> None:
        """Brings the new x to x memory again."""
        self.positions.bring(self.side)

    def complete(self, row: int, rows: int, prepared: object) -> None:
        """Output rows from `row` on, from what :meth:`prepare` made of the previous x."""
        first, tokens = row * self.side, rows * self.side
        out = self.positions.load(first, tokens)
        self.finish(row, rows, prepared, out)
        self.positions.finish(first, tokens, out)
        self._rows += rows

    def window_rows(self, following: PooledRows) -> int:
        """Output rows of a run that fill windows evenly, two runs and two windows at a time; or 0.

        The old x passes through: it was spilled, as the new one is.
        """
        edge = following.rows
        free = self.c.x_words - 2 * following.words
        fitting = (
            rows
            for rows in range(edge, 0, -1)
            if edge % rows == 0
            and 4 * rows * self.row_words <= free
            and self.fits(2 * rows * self.side)
        )
        return next(fitting, 0)

    def rows(self, x: Values) -> int:
        """Output rows of a run: all, if the old x may go before the new one comes."""
        if self.positions.following is not None:
            return self.window_rows(self.positions.following)
        new, old = self.positions.x, x
        spilled = old.buffer.memory == "spill"
        if self.fits(self.side**2) and max(old.buffer.words, new.buffer.words) <= self.c.x_words:
            return self.side
        free = self.c.x_words
        free -= 0 if spilled else old.buffer.words
        free -= new.buffer.words if self.resident else 0
        row = (2 * self.row_words if spilled else 0) + (
            0 if self.resident else self.side * new.token_words
        )
        rows = self.side
        while rows > 1 and not (self.fits(2 * rows * self.side) and 2 * rows * row <= free):
            rows -= 1
        return rows


class BinaryEmbedding(Embedding):
    """Bits of 2x2 tokens behind one another, and their mean as the residual."""

    @property
    def stays(self) -> bool:
        """Whether half of column memory holds the weights."""
        return 2 * self.layer.weight.size // self.c.columns <= self.c.column_words

    def fits(self, tokens: int) -> bool:
        """Whether row memory holds the bits, u memory the means."""
        fits_row = self.row_bits(tokens) <= self.c.row_words
        return fits_row and tokens * self.token_words <= self.c.u_words

    def row_bits(self, tokens: int) -> int:
        """The bits of its windows."""
        return -(-tokens // self.c.rows) * self.layer.weight.shape[1]

    def prepare(self, row: int, rows: int, source: Values) -> tuple[Buffer, Values]:
        """Bits and means."""
        tokens, words = rows * self.side, self.token_words
        first = row * self.side
        k_words = self.layer.weight.shape[1]
        bits = Buffer(f"{self.name}.bits", "row", self.row_bits(tokens))
        to = BitsTo(Bits.ROW, bits, 0, 0, k_words, from_out=True)
        for part in range(4):
            skip = part // 2 * self.row_words + part % 2 * words
            strided = Strided(source, skip, self.side)
            threshold(
                self.e, f"{self.name}.pass", first, tokens, strided, to, first_group=part * words
            )
        means = Values(Buffer(f"{self.name}.mean", "u", tokens * words), 0, words)
        window = Window(2, self.side, 2 * self.side, MEAN_SHIFT)
        for y in range(rows):
            inputs, output = source.at(4 * y * self.side), means.at(y * self.side)
            grid(self.e, f"{self.name}.pooled_mean", row + y, inputs, output, window)
        return bits, means

    def finish(self, row: int, rows: int, prepared: tuple[Buffer, Values], out: Values) -> None:
        """The binary layer, once for each copy of the mean's channels."""
        bits, means = prepared
        to = self.input_bits and self.input_bits.to(row * self.side, rows * self.side)
        for group in range(0, out.token_words, means.token_words):
            linear(
                self.e,
                self.name,
                row * self.side,
                rows * self.side,
                Access(bits, 0, bits.words, False),
                residual=means,
                main=out,
                destination=out,
                bits=to,
                groups=(group, group + means.token_words),
            )


class RealEmbedding(Embedding):
    """The norm in place of x, an integer matrix over 2x2 tokens, an affine layer."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.matrix = Matrix(self.e, self.name, self.layer)

    @property
    def stays(self) -> bool:
        """Whether half of parameter memory holds the matrix."""
        return self.matrix.stays

    def fits(self, tokens: int) -> bool:
        """Whether u memory holds the sums."""
        return tokens * self.positions.x.token_words <= self.c.u_words

    def row_bits(self, tokens: int) -> int:
        """None."""
        return 0

    def prepare(self, row: int, rows: int, source: Values) -> Values:
        """The sums."""
        first, inputs = row * self.side, 4 * rows * self.side
        affine(self.e, f"{self.name}.norm", 4 * first, inputs, source, source)
        words, pair = self.positions.x.token_words, 2 * self.token_words
        sums = Values(Buffer(f"{self.name}.sum", "u", rows * self.side * words), 0, words)
        operands = [
            (
                Operands(
                    Operand.NORMED,
                    # Two tokens side by side are one run of words.
                    Values(source.buffer, source.offset + 2 * y * self.row_words, pair),
                    pairs=self.layer.inputs // 4,
                    segments=2,
                    segment_words=self.row_words,
                ),
                self.side,
            )
            for y in range(rows)
        ]
        self.matrix.multiply(first, operands, sums)
        return sums

    def finish(self, row: int, rows: int, prepared: Values, out: Values) -> None:
        """The affine layer."""
        first, tokens = row * self.side, rows * self.side
        to = self.input_bits and self.input_bits.to(first, tokens)
        affine(self.e, self.name, first, tokens, prepared, out, main=out, bits=to)
