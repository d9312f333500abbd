"""The chunked plan: x passes through x memory in runs of tokens, for blocks without reduction.

Once for the bits of keys and values, once for all else; k + v, which would fill u memory, is made
again.  The weights are loaded again for every run, so runs are as long as the memories allow.
"""

from __future__ import annotations

from itertools import pairwise

from sw.compiler.schedule import passes
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.plan import Plan
from sw.compiler.schedule.program import Access, Buffer, ScheduleError


class Chunked(Plan):
    """x passes through x memory in runs of tokens."""

    def unit_words(self) -> int:
        """Small enough that a ring of units fits beside keys and values."""
        return max(16, self.c.column_words // 8)

    def free_u(self, tokens: int) -> int:
        """All but pooled f: u itself is read no more."""
        return self.c.u_words - tokens * self.token_words

    def bits_words(self) -> int:
        """None: its runs are as long as the memories allow."""
        return 0

    def emit(self) -> Buffer:
        """Keys and values of every run, then every run to its x2."""
        runs = self.runs()
        for first, tokens in runs:
            x, bits = self.open_run(first, tokens)
            self.key_value(tokens, bits[1], bits[2], x, None, first)
        x2 = Buffer("x2", "spill", self.x.words)
        for first, tokens in runs:
            x, bits = self.open_run(first, tokens)
            u = self.at(Buffer("u", "u", tokens * self.token_words), 0)
            self.key_value(tokens, bits[1], bits[2], x, u, first, bits=False)
            query = self.query(first, tokens, bits[0], x, u, u)
            t_bits = self.attend(first, tokens, query, u)
            # The query's bits are read no more: their words take n2's, so that row memory has a
            # run of free words for hidden's.
            self.output(first, tokens, t_bits, x, u, query.buffer, 0)
            row, pooled = self.hidden(first, tokens, query, x)
            self.ffn_output(first, tokens, row, pooled, x, u)
            self.emitter.store_values("x.store", x, tokens, self.at(x2, first))
        return x2

    def open_run(self, first: int, tokens: int) -> tuple[Values, list[Access]]:
        """Loads a run of x; the input bits of query, key and value."""
        self.emitter.forget()
        x = self.at(Buffer("x", "x", tokens * self.token_words), 0)
        self.emitter.load_values("x.load", x, tokens, self.at(self.x, first))
        words = self.tiles(tokens) * self.k_words
        bits = self.row_buffer("input_bits", tokens, self.k_words, sets=3)
        to = self.bits_to(bits, self.k_words, sets_apart=words, from_out=True)
        passes.threshold(self.emitter, "pass", first, tokens, x, to)
        return x, [Access(bits, i * words, (i + 1) * words, False) for i in range(3)]

    def attend(self, first: int, tokens: int, query: Access, u: Values) -> Access:
        """Scores and context, as many tiles at a time as row memory has attention bits for."""
        c, kw = self.c, self.k_words
        t_bits = self.row_access(self.row_buffer("t_bits", tokens, kw), 0, tokens)
        free = c.row_words - 2 * t_bits.stop
        step = max(1, free // (2 * self.block.heads * self.m_words)) * c.rows
        for at in range(0, tokens, step):
            count = min(step, tokens - at)
            part = self.row_access(query.buffer, at, count)
            probability = self.score(first + at, count, part)
            self.context(
                first + at,
                count,
                probability,
                u.at(at),
                self.row_access(t_bits.buffer, at, count),
            )
        return t_bits

    def runs(self) -> list[tuple[int, int]]:
        """Fewest runs (first, tokens) that fit; value bits need firsts in multiples of lanes.

        Raises
        ------
        ScheduleError
            If a run of `lanes` tokens is too long.
        """
        c, n = self.c, self.block.tokens
        for count in range(1, -(-n // c.lanes) + 1):
            edges = [round(i * n / count / c.lanes) * c.lanes for i in range(count)] + [n]
            runs = [(a, b - a) for a, b in pairwise(edges)]
            if all(self.fits(tokens) for _, tokens in runs):
                return runs
        raise ScheduleError(
            f"x memory: a run of {c.lanes} tokens of {self.block.channels} channels does not pass "
            f"through {c.x_words} x words and {c.row_words} row words; "
            "use a configuration with larger memories"
        )

    def fits(self, tokens: int) -> bool:
        """Whether x, u and row memory hold what is live of a run."""
        c, kw, tiles = self.c, self.k_words, self.tiles(tokens)
        attention = self.block.heads * self.m_words
        return (
            tokens > 0
            and tokens * self.token_words <= min(c.x_words, c.u_words)
            and max(4 * kw * tiles, 2 * kw * tiles + attention, (kw + self.hidden_words) * tiles)
            <= c.row_words
        )
