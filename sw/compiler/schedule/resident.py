"""The resident plan: x and u stay on chip, everything happens in place."""

from __future__ import annotations

from sw.compiler.schedule import passes
from sw.compiler.schedule.emit import Stream
from sw.compiler.schedule.image import BlockImage
from sw.compiler.schedule.operands import Upsampled, Values
from sw.compiler.schedule.plan import Plan
from sw.compiler.schedule.pooling import Window, branch, grid
from sw.compiler.schedule.program import Access, Buffer

LEAST_TILES = 2
"""Tiles of a chunk of hidden whose latency the next one hides."""


class Resident(Plan):
    """x and u stay on chip."""

    def __init__(self, block: BlockImage, stream: Stream, x: Buffer, name: str = "") -> None:
        super().__init__(block, stream, x, name)
        self.u = Buffer("u", "u", block.tokens * self.token_words)

    def unit_words(self) -> int:
        """Small enough that the first layer starts early and a ring of units fits."""
        return max(16, self.c.column_words // 8)

    def free_u(self, tokens: int) -> int:
        """All but the branch sums, or but two chunks of pooled f."""
        branches = self.block.branch is not None
        return self.c.u_words - (self.u.words if branches else 2 * tokens * self.token_words)

    def bits_words(self) -> int:
        """Those of all tokens: it needs them at a time, whoever forms them."""
        return self.block.layers["pass"].sets * self.tiles(self.block.tokens) * self.k_words

    def chunks(self, tiles: int) -> list[tuple[int, int]]:
        """Runs (first, tokens) of `tiles` tiles each."""
        step, n = tiles * self.c.rows, self.block.tokens
        return [(first, min(step, n - first)) for first in range(0, n, step)]

    def emit(self) -> Buffer:
        """Keys and values, attention over chunks, FFN over chunks."""
        block, e = self.block, self.emitter
        n, r = block.tokens, block.reduction
        x, u = self.at(self.x, 0), self.at(self.u, 0)
        query, *key_value = self.input(x)
        if r == 1:
            kv = u
            self.key_value(n, *key_value, x, kv)
        else:
            pooled = Values(
                Buffer("pooled_mean", "u", block.keys * self.token_words), 0, self.token_words
            )
            for row in range(block.pooled_height):
                grid(
                    e,
                    "attention.pooled_mean",
                    row,
                    self.at(self.x, row * r * block.width),
                    pooled.at(row * block.pooled_width),
                    Window(r, block.pooled_width, block.width, block.grid_shift),
                )
            kv = Values(Buffer("kv", "u", block.keys * self.token_words), 0, self.token_words)
            self.reduced_keys(pooled, kv)
        n2_bits = self.row_buffer("n2_bits", n, self.k_words)
        self.attention(query.buffer, kv, n2_bits)
        self.ffn(n2_bits)
        return self.x

    def input(self, x: Values) -> list[Access]:
        """The bits of x of query, and without a reduction of key and value."""
        n, kw, sets = self.block.tokens, self.k_words, self.block.layers["pass"].sets
        if self.input_bits is not None and self.input_bits.formed(0, n):
            return [self.input_bits.formed(0, n, which) for which in range(sets)]
        words = self.tiles(n) * kw
        bits = self.row_buffer("input_bits", n, kw, sets=sets)
        to = self.bits_to(bits, kw, sets_apart=words, from_out=True)
        passes.threshold(self.emitter, "pass", 0, n, x, to)
        return [Access(bits, i * words, (i + 1) * words, False) for i in range(sets)]

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
                t_bits = self.row_access(self.row_buffer("t_bits", tokens, self.k_words), 0, tokens)
                self.context(
                    first, tokens, probabilities.pop(slot - 1), self.at(self.u, first), t_bits
                )
                contexts[slot - 1] = t_bits
            if slot + 1 < len(chunks):
                first, tokens = chunks[slot + 1]
                row = self.row_access(bits, first, tokens)
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
            u = self.at(self.u, done_rows * block.width)
            branch(self.emitter, block, done_rows, rows, u)
            done_rows += 1
        return done_rows

    def ffn(self, n2_bits: Buffer) -> None:
        """Hidden and output, skewed by a chunk where all weights stay on chip."""
        block, c = self.block, self.c
        weights = sum(block.layers[name].weight.size // c.columns for name in ("hidden", "ffn"))
        stays = weights <= c.column_words
        branches = block.branch is not None
        free = c.x_words - self.x.words if branches else c.u_words - self.u.words
        tiles, row_words = self.tiles(block.tokens), c.row_words - n2_bits.words
        # Chunks on their way at a time: where the weights do not stay, all in one if it fits, as
        # every other one loads them again.
        live, most = (2, -(-tiles // 3)) if stays else (1, tiles)
        room = free if branches or stays else c.u_words
        step = min(
            row_words // (live * self.hidden_words),
            room // (live * c.rows * self.token_words),
            most,
        )
        # What is left of row memory takes the next block's bits; chunks may shrink for them as
        # long as a chunk hides the latency of the one before, and there is room for one more, or
        # buffers would wait for places.
        least = min(step, LEAST_TILES) if stays else step
        if self.holds_next_bits(row_words - least * (live + stays) * self.hidden_words):
            row_words -= self.next_bits.buffer.words
            step = min(step, row_words // ((live + stays) * self.hidden_words))
        pending: list[tuple[int, int, Access, Values]] = []
        for first, tokens in self.chunks(max(1, step)):
            if first and not stays:
                self.ffn_chunk(*pending.pop())
                self.emitter.forget()
            row = self.row_access(n2_bits, first, tokens)
            pending.append(
                (first, tokens, *self.hidden(first, tokens, row, self.at(self.x, first)))
            )
            if first and stays:
                self.ffn_chunk(*pending.pop(0))
        self.ffn_chunk(*pending.pop())

    def ffn_chunk(self, first: int, tokens: int, row: Access, pooled: Values) -> None:
        """x2 of a chunk."""
        self.ffn_output(first, tokens, row, pooled, self.at(self.x, first), self.at(self.u, first))
