"""What both plans of a block share: buffers, and the steps over a run of tokens."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from hw.spec.commands import Bits
from hw.spec.configuration import Configuration
from sw.compiler.schedule.emit import Emitter
from sw.compiler.schedule.image import BlockImage, ExternalMemory
from sw.compiler.schedule.operands import BitsTo, Upsampled, Values
from sw.compiler.schedule.program import Access, Buffer


class Plan(ABC):
    """What both plans share: sizes, buffers and the steps of a block over a run of tokens."""

    def __init__(
        self,
        block: BlockImage,
        configuration: Configuration,
        external: ExternalMemory,
        x_address: int,
        result_address: int | None,
    ) -> None:
        c = self.c = configuration
        self.block = block
        self.x_address, self.result_address = x_address, result_address
        self.token_words = block.channels // c.lanes
        self.k_words = -(-block.channels // 64)
        self.hidden_words = -(-block.hidden // 64)
        self.m_words = -(-block.keys // 64)
        key_groups = -(-block.keys // c.lanes)
        self.keys = self.column_buffer("keys", key_groups * self.k_words * c.group_tiles)
        self.values = self.column_buffer("values", self.token_words * self.m_words * c.group_tiles)
        self.pool = int(math.log2(block.hidden // block.channels))
        self.emitter = Emitter(block, configuration, external, self.unit_words())

    @abstractmethod
    def unit_words(self) -> int:
        """Column words a weight LOAD brings."""

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

    # -- keys and values -----------------------------------------------------------------------

    def key_value(
        self, tokens: int, row_k: Access, row_v: Access, residual: Values, kv: Values
    ) -> None:
        """k to key bits and kv, v to value bits and kv += v."""
        e, c = self.emitter, self.c
        e.linear(
            "key",
            0,
            tokens,
            row_k,
            residual=residual,
            destination=kv,
            bits=BitsTo(Bits.KEY, self.keys, 0, 0, self.k_words * c.group_tiles),
        )
        e.linear(
            "value",
            0,
            tokens,
            row_v,
            residual=residual,
            main=kv,
            destination=kv,
            bits=BitsTo(Bits.VALUE, self.values, 0, 0, self.m_words * c.group_tiles),
        )

    def reduced_keys(self, pooled: Values, kv: Values) -> None:
        """With spatial reduction: r from the pooled x, then k and v from r."""
        e, block = self.emitter, self.block
        m, kw = block.keys, self.k_words
        words = self.tiles(m) * kw
        row = self.row_buffer("pooled_bits", m, kw)
        e.threshold("pass_pooled", 0, m, pooled, self.bits_to(row, kw, from_out=True))
        reduced = Values(Buffer("reduced", "x", m * self.token_words), 0, self.token_words)
        bits = self.row_buffer("reduced_bits", m, kw, sets=2)
        e.linear(
            "reduction",
            0,
            m,
            Access(row, 0, words, False),
            residual=pooled,
            destination=reduced,
            bits=self.bits_to(bits, kw, sets_apart=words),
        )
        self.key_value(
            m, Access(bits, 0, words, False), Access(bits, words, 2 * words, False), reduced, kv
        )

    # -- attention and FFN over one run of tokens ----------------------------------------------

    def query(
        self, first: int, tokens: int, row: Access, x: Values, u: Values, main: Values | Upsampled
    ) -> Access:
        """q; returns where its bits lie."""
        bits = self.row_buffer("query_bits", tokens, self.k_words)
        self.emitter.linear(
            "query",
            first,
            tokens,
            row,
            residual=x,
            main=main,
            destination=u,
            bits=self.bits_to(bits, self.k_words),
        )
        return Access(bits, 0, bits.words, False)

    def score(self, first: int, tokens: int, query: Access) -> Buffer:
        """Scores of all heads; returns the attention bits."""
        probability = Buffer(
            "probability", "row", self.block.heads * self.tiles(tokens) * self.m_words
        )
        for head in range(self.block.heads):
            self.emitter.scores(first, tokens, head, query, self.keys, probability)
        return probability

    def context(self, first: int, tokens: int, probability: Buffer, u: Values) -> Access:
        """ctx and t; returns where t's bits lie."""
        bits = self.row_buffer("t_bits", tokens, self.k_words)
        self.emitter.context(
            first, tokens, self.values, probability, u, self.bits_to(bits, self.k_words)
        )
        return Access(bits, 0, bits.words, False)

    def output(
        self, first: int, tokens: int, row: Access, x: Values, u: Values, bits: Buffer, offset: int
    ) -> None:
        """x1 in place of x, its bits at word `offset` of `bits`."""
        self.emitter.linear(
            "output",
            first,
            tokens,
            row,
            residual=u,
            main=x,
            destination=x,
            bits=self.bits_to(bits, self.k_words, offset=offset, from_out=True),
        )

    def hidden(self, first: int, tokens: int, row: Access, x: Values) -> tuple[Access, Values]:
        """f1: hidden bits and pooled f."""
        memory = "x" if self.block.branch is not None else "u"
        bits = self.row_buffer("hidden_bits", tokens, self.hidden_words)
        pooled = Values(Buffer("pooled", memory, tokens * self.token_words), 0, self.token_words)
        self.emitter.linear(
            "hidden",
            first,
            tokens,
            row,
            residual=x,
            destination=pooled,
            bits=self.bits_to(bits, self.hidden_words),
            inner=self.block.hidden // self.block.channels,
            pool=self.pool,
        )
        return Access(bits, 0, bits.words, False), pooled

    def ffn_output(
        self, first: int, tokens: int, row: Access, pooled: Values, x: Values, u: Values
    ) -> None:
        """x2 in place of x1."""
        main = u if self.block.branch is not None else x
        self.emitter.linear("ffn", first, tokens, row, residual=pooled, main=main, destination=x)

    @abstractmethod
    def emit(self) -> None:
        """Emits the whole block."""
