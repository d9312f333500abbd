"""The resident plan: x and u stay on chip, everything happens in place."""

from __future__ import annotations

from hw.spec.configuration import Configuration
from sw.compiler.schedule.image import BlockImage, ExternalMemory
from sw.compiler.schedule.operands import Upsampled, Values
from sw.compiler.schedule.plan import Plan
from sw.compiler.schedule.program import Access, Buffer


class Resident(Plan):
    """x and u stay on chip."""

    def __init__(
        self,
        block: BlockImage,
        configuration: Configuration,
        external: ExternalMemory,
        x_address: int,
        result_address: int | None,
    ) -> None:
        super().__init__(block, configuration, external, x_address, result_address)
        words = block.tokens * self.token_words
        self.x = Buffer("x", "x", words, keep=True)
        self.u = Buffer("u", "u", words)

    def unit_words(self) -> int:
        """Small enough that the first layer starts early and a ring of units fits."""
        return max(16, self.c.column_words // 8)

    def at(self, buffer: Buffer, first: int) -> Values:
        """Tokens from `first` on of a whole tensor."""
        return Values(buffer, first * self.token_words, self.token_words)

    def chunks(self, tiles: int) -> list[tuple[int, int]]:
        """Runs (first, tokens) of `tiles` tiles each."""
        step, n = tiles * self.c.rows, self.block.tokens
        return [(first, min(step, n - first)) for first in range(0, n, step)]

    def emit(self) -> None:
        """Keys and values, attention over chunks, FFN over chunks."""
        block, e = self.block, self.emitter
        n, kw, r = block.tokens, self.k_words, block.reduction
        words = self.tiles(n) * kw
        sets = block.layers["pass"].sets
        x, u = self.at(self.x, 0), self.at(self.u, 0)
        bits = self.row_buffer("input_bits", n, kw, sets=sets)
        e.threshold("pass", 0, n, x, self.bits_to(bits, kw, sets_apart=words, from_out=True))
        if r == 1:
            kv = u
            self.key_value(
                n,
                Access(bits, words, 2 * words, False),
                Access(bits, 2 * words, 3 * words, False),
                x,
                kv,
            )
        else:
            pooled = Values(
                Buffer("pooled_mean", "u", block.keys * self.token_words), 0, self.token_words
            )
            for row in range(block.pooled_height):
                e.grid(
                    row,
                    self.at(self.x, row * r * block.width),
                    Values(
                        pooled.buffer, row * block.pooled_width * self.token_words, self.token_words
                    ),
                )
            kv = Values(Buffer("kv", "u", block.keys * self.token_words), 0, self.token_words)
            self.reduced_keys(pooled, kv)
        n2_bits = self.row_buffer("n2_bits", n, kw)
        self.attention(bits, kv, n2_bits)
        self.ffn(n2_bits)

    def attention(self, bits: Buffer, kv: Values, n2_bits: Buffer) -> None:
        """Query, scores, context and output, skewed by a chunk; branches as rows complete."""
        block, c = self.block, self.c
        weights = sum(block.layers[name].weight.size // c.columns for name in ("query", "output"))
        fits = weights + self.keys.words + self.values.words <= c.column_words * 7 // 8
        tile_bits = block.heads * self.m_words + 2 * self.k_words
        step = max(1, min(c.row_words // 4 // (3 * tile_bits), -(-self.tiles(block.tokens) // 4)))
        if block.reduction > 1:
            # A chunk of an upsampled operand begins at a picture row.
            step = self.whole_rows(step)
        chunks = self.chunks(step) if fits and step else self.chunks(self.tiles(block.tokens))
        queries: dict[int, Access] = {}
        probabilities: dict[int, Buffer] = {}
        contexts: dict[int, Access] = {}
        done_rows = 0
        for slot in range(-1, len(chunks) + 1):
            if 0 <= slot < len(chunks):
                probabilities[slot] = self.score(*chunks[slot], queries.pop(slot))
            if slot >= 1:
                first, tokens = chunks[slot - 1]
                contexts[slot - 1] = self.context(
                    first, tokens, probabilities.pop(slot - 1), self.at(self.u, first)
                )
            if slot + 1 < len(chunks):
                first, tokens = chunks[slot + 1]
                tile = first // c.rows * self.k_words
                row = Access(bits, tile, tile + self.tiles(tokens) * self.k_words, False)
                queries[slot + 1] = self.query(
                    first,
                    tokens,
                    row,
                    self.at(self.x, first),
                    self.at(self.u, first),
                    self.main(kv, first),
                )
            if slot >= 1:
                first, tokens = chunks[slot - 1]
                self.output(
                    first,
                    tokens,
                    contexts.pop(slot - 1),
                    self.at(self.x, first),
                    self.at(self.u, first),
                    n2_bits,
                    first // c.rows * self.k_words,
                )
                done_rows = self.branches(done_rows, first + tokens)

    def whole_rows(self, step: int) -> int:
        """The least number of tiles from `step` on that ends at a picture row; 0 if none does."""
        total = self.tiles(self.block.tokens)
        for tiles in range(step, total):
            if tiles * self.c.rows % self.block.width == 0:
                return tiles
        return 0

    def main(self, kv: Values, first: int) -> Values | Upsampled:
        """The k + v that q adds for tokens from `first` on."""
        block = self.block
        if block.reduction == 1:
            return self.at(kv.buffer, first)
        row = first // block.width
        grid = row // block.reduction * block.pooled_width
        return Upsampled(
            Values(kv.buffer, grid * self.token_words, self.token_words),
            block.reduction,
            row % block.reduction,
            block.width,
        )

    def branches(self, done_rows: int, done_tokens: int) -> int:
        """Emits the BRANCH rows whose lower neighbours are complete; returns the next row."""
        block = self.block
        if block.branch is None:
            return 0
        complete = done_tokens // block.width
        while done_rows < block.height and min(done_rows + 3, block.height) <= complete:
            rows = [
                self.at(self.x, y * block.width) if 0 <= y < block.height else None
                for y in range(done_rows - 2, done_rows + 3)
            ]
            self.emitter.branch(done_rows, rows, self.at(self.u, done_rows * block.width))
            done_rows += 1
        return done_rows

    def ffn(self, n2_bits: Buffer) -> None:
        """Hidden and output, skewed by a chunk where all weights stay on chip."""
        block, c = self.block, self.c
        weights = sum(block.layers[name].weight.size // c.columns for name in ("hidden", "ffn"))
        step = self.tiles(block.tokens)
        if weights <= c.column_words:
            free_rows = c.row_words - n2_bits.words
            free_x = (
                c.x_words - self.x.words if block.branch is not None else (c.u_words - self.u.words)
            )
            step = max(
                1,
                min(
                    free_rows // (2 * self.hidden_words),
                    free_x // (2 * c.rows * self.token_words),
                    -(-step // 3),
                ),
            )
        chunks = self.chunks(step)
        pending: list[tuple[int, int, Access, Values]] = []
        for slot in range(len(chunks) + 1):
            if slot < len(chunks):
                first, tokens = chunks[slot]
                tile = first // c.rows * self.k_words
                row = Access(n2_bits, tile, tile + self.tiles(tokens) * self.k_words, False)
                pending.append(
                    (first, tokens, *self.hidden(first, tokens, row, self.at(self.x, first)))
                )
            if slot >= 1:
                first, tokens, row, pooled = pending.pop(0)
                self.ffn_output(
                    first, tokens, row, pooled, self.at(self.x, first), self.at(self.u, first)
                )
