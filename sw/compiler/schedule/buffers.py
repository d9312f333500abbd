"""Sizes and buffers of a block, as every plan needs them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from hw.spec.commands import Bits
from sw.compiler.schedule.emit import Emitter, Stream
from sw.compiler.schedule.image import BlockImage
from sw.compiler.schedule.operands import BitsTo, Values
from sw.compiler.schedule.program import Access, Buffer


class BlockBuffers(ABC):
    """Sizes of a block in memory words, and its buffers.

    Parameters
    ----------
    block : BlockImage
    stream : Stream
        Receives the operations.
    x : Buffer
        The block's input.
    name : str
        The block's, where a network has several.
    """

    def __init__(self, block: BlockImage, stream: Stream, x: Buffer, name: str = "") -> None:
        c = self.c = stream.configuration
        self.block = block
        self.x = x
        self.token_words = block.channels // c.lanes
        self.k_words = -(-block.channels // 64)
        self.hidden_words = -(-block.hidden // 64)
        self.m_words = -(-block.keys // 64)
        self.ratio = block.hidden // block.channels
        key_groups = -(-block.keys // c.lanes)
        self.keys = self.column_buffer("keys", key_groups * self.k_words * c.group_tiles)
        self.values = self.column_buffer("values", self.token_words * self.m_words * c.group_tiles)
        self.emitter = Emitter(stream, dict(block.layers), self.unit_words(), name)

    @abstractmethod
    def unit_words(self) -> int:
        """Column words a weight LOAD brings."""

    @abstractmethod
    def free_u(self, tokens: int) -> int:
        """Words of u memory that nothing needs while `tokens` tokens pass through hidden."""

    def at(self, buffer: Buffer, first: int) -> Values:
        """Tokens from `first` on of a tensor of C channels."""
        return Values(buffer, first * self.token_words, self.token_words)

    def column_buffer(self, name: str, words: int) -> Buffer:
        """Column memory, rounded up to whole units beside them so that nothing is fragmented."""
        unit = self.unit_words()
        return Buffer(name, "column", -(-words // unit) * unit if 2 * words > unit else words)

    def tiles(self, tokens: int) -> int:
        """Tiles of a run of tokens."""
        return -(-tokens // self.c.rows)

    def row_buffer(self, name: str, tokens: int, words: int, sets: int = 1) -> Buffer:
        """Row memory for `words` words a tile."""
        return Buffer(name, "row", sets * self.tiles(tokens) * words)

    def bits_to(
        self,
        buffer: Buffer,
        words: int,
        *,
        offset: int = 0,
        sets_apart: int = 0,
        from_out: bool = False,
    ) -> BitsTo:
        """Row bits with `words` words a tile."""
        return BitsTo(Bits.ROW, buffer, offset, sets_apart, words, from_out=from_out)

    def row_access(self, buffer: Buffer, first: int, tokens: int) -> Access:
        """Where C bits of each of `tokens` tokens lie, `first` a multiple of the rows."""
        tile = first // self.c.rows * self.k_words
        return Access(buffer, tile, tile + self.tiles(tokens) * self.k_words, False)
