"""Operands of the lanes: where values are, where bits go, and a layer's resident units."""

from __future__ import annotations

from dataclasses import dataclass

from hw.spec.commands import Bits
from sw.compiler.schedule.program import Access, Buffer


@dataclass(frozen=True)
class Values:
    """A run of tokens of a value tensor in x or u memory.

    ``offset`` is the word of the first token; `channels_words` words a token.
    """

    buffer: Buffer
    offset: int
    token_words: int

    def at(self, token: int) -> Values:
        """From a later token on."""
        return Values(self.buffer, self.offset + token * self.token_words, self.token_words)

    def access(self, tokens: int, write: bool, first: int = 0, last: int = 0) -> Access:
        """The words of `tokens` tokens; with `last`, words [first, last) of each."""
        stop = self.offset + tokens * self.token_words
        return Access(
            self.buffer, self.offset, stop, write, self.token_words if last else 0, first, last
        )


@dataclass(frozen=True)
class Upsampled:
    """Tokens of a grid `factor` times coarser, read for a finer picture row by row.

    ``values`` begins at the grid row of the first token, whose picture row is `row` modulo
    `factor`; `width` is the picture's tokens a row.
    """

    values: Values
    factor: int
    row: int
    width: int

    @property
    def buffer(self) -> Buffer:
        """The coarse tensor."""
        return self.values.buffer

    @property
    def offset(self) -> int:
        """Word of the first token's grid row."""
        return self.values.offset

    @property
    def token_words(self) -> int:
        """Words a token."""
        return self.values.token_words

    def access(self, tokens: int, write: bool, first: int = 0, last: int = 0) -> Access:
        """The grid rows under `tokens` tokens; with `last`, words [first, last) of each."""
        rows = (self.row + -(-tokens // self.width) - 1) // self.factor + 1
        return self.values.access(
            min(
                rows * (self.width // self.factor),
                (self.buffer.words - self.offset) // self.token_words,
            ),
            write,
            first,
            last,
        )


@dataclass(frozen=True)
class Strided:
    """Every second token of every second row of a picture, `width` tokens a row of them.

    ``values`` begins at the first token of the first row; the reader skips `skip` of its words.
    """

    values: Values
    skip: int
    width: int

    @property
    def buffer(self) -> Buffer:
        """The whole tensor."""
        return self.values.buffer

    @property
    def offset(self) -> int:
        """Word of the first token."""
        return self.values.offset + self.skip

    @property
    def token_words(self) -> int:
        """Words between tokens."""
        return 2 * self.values.token_words

    @property
    def row_words(self) -> int:
        """Words between rows."""
        return 2 * self.width * self.token_words

    def access(self, tokens: int, write: bool, first: int = 0, last: int = 0) -> Access:
        """All rows that the tokens lie in."""
        return self.values.access(4 * tokens, write)


@dataclass(frozen=True)
class BitsTo:
    """Where a layer's bits go: `kind`, buffer, word of tile 0 (key 0), strides, first key.

    `block` is the block whose input bits they are, where that is not the layer's own.
    """

    kind: Bits
    buffer: Buffer
    offset: int = 0
    set_words: int = 0
    tile_words: int = 0
    first_key: int = 0
    from_out: bool = False
    block: str = ""


@dataclass(frozen=True)
class Unit:
    """Execution groups [first, last) of a layer, resident together, with their two buffers."""

    first: int
    last: int
    weights: Buffer | None
    parameters: Buffer
