"""The streaming plan: x passes through x memory, picture row by picture row.

Only for blocks with spatial reduction: their keys and values are few, and stay on chip.  The means
that they come from are there already if whoever made x pooled its rows; else x passes through
once more.
"""

from __future__ import annotations

from sw.compiler.schedule import passes
from sw.compiler.schedule.operands import Upsampled, Values
from sw.compiler.schedule.plan import Plan
from sw.compiler.schedule.pooled import PooledRows
from sw.compiler.schedule.pooling import Window, branch, grid
from sw.compiler.schedule.program import Access, Buffer
from sw.compiler.schedule.windows import Windows


class Streaming(Plan):
    """x passes through x memory in chunks of whole picture rows.

    Attributes
    ----------
    pooled : PooledRows or None
        The means of x, where its maker may have formed them.
    following : Windows or None
        What takes x2's rows while they are in x memory, if that has room for its windows.
    """

    pooled: PooledRows | None = None
    following: Windows | None = None

    def unit_words(self) -> int:
        """Whole layers: they stay for the block."""
        return self.c.column_words

    def free_u(self, tokens: int) -> int:
        """All but k + v and the chunks that are on their way."""
        words = self.block.keys + (self.slots() + 2) * tokens
        return self.c.u_words - words * self.token_words

    def emit(self) -> Buffer:
        """Spatial reduction over all of x, then every step skewed over chunks of rows."""
        block = self.block
        kv = Values(Buffer("kv", "u", block.keys * self.token_words), 0, self.token_words)
        formed = self.pooled is not None and self.pooled.formed
        self.reduced_keys(self.pooled.means if formed else self.pool_all(), kv)
        if self.following is not None:
            if windows := self.windows() or (self.following.shrink() and self.windows()):
                self.following.hold(windows, self.free_row(), self.pooled, self.ring_words())
            else:
                self.following = None
        return self.stream(kv)

    def pool_all(self) -> Values:
        """The reduced grid of x."""
        block = self.block
        pooled = self.at(Buffer("pooled_mean", "u", block.keys * self.token_words), 0)
        tokens = block.reduction * block.width
        window = Window(block.reduction, block.pooled_width, block.width, block.grid_shift)
        for row in range(block.pooled_height):
            x = self.chunk_of_x(f"pool{row}", row * tokens, tokens)
            to = pooled.at(row * block.pooled_width)
            grid(self.emitter, "attention.pooled_mean", row, x, to, window)
        return pooled

    def chunk_of_x(
        self, name: str, first: int, tokens: int, place: Windows | None = None
    ) -> Values:
        """Loads a run of tokens, to where `place` wants its rows."""
        if place is not None:
            values = place.place(first, tokens)
        else:
            values = Values(Buffer(name, "x", tokens * self.token_words), 0, self.token_words)
        self.emitter.load_values("x.load", values, tokens, self.at(self.x, first))
        return values

    def windows(self) -> int:
        """Windows that x2's rows fill while others are on their way; 0 if x memory lacks room."""
        rows, following = self.rows_of_chunk(), self.following
        if following.rows % rows:
            return 0
        windows = 1 + -(-(self.slots() + 1) * rows // following.rows)
        return windows if windows * following.words <= self.ring_words() else 0

    def ring_words(self) -> int:
        """X words that windows may have: all but two chunks of pooled f, and what they need."""
        pooled = 2 * self.rows_of_chunk() * self.block.width * self.token_words
        return self.c.x_words - pooled - self.following.own_words

    def slots(self) -> int:
        """Slots from a chunk's scores to its x2: row y may go when row y+2's branches are read."""
        return 2 * -(-2 // self.rows_of_chunk()) + 2 if self.block.branch is not None else 4

    def free_row(self) -> int:
        """Row words beside those of what is on its way and of the reduced grid.

        A chunk's bits live for up to three slots, n2's until its hidden layer; what is tighter
        leaves gaps too small for hidden's.
        """
        block, kw = self.block, self.k_words
        tiles = self.tiles(self.rows_of_chunk() * block.width)
        chunk = (9 + self.slots()) * kw + 3 * (block.heads * self.m_words + self.hidden_words)
        return max(0, self.c.row_words - tiles * chunk - 3 * self.tiles(block.keys) * kw)

    def bits_words(self) -> int:
        """Those of as many chunks as there is room for."""
        tiles = self.tiles(self.rows_of_chunk() * self.block.width)
        fitting = self.free_row() // (tiles * self.k_words)
        return min(fitting * tiles, self.tiles(self.block.tokens)) * self.k_words

    def stream(self, kv: Values) -> Buffer:
        """One slot a chunk; a step `lag` slots behind works on an earlier chunk."""
        block, e, kw = self.block, self.emitter, self.k_words
        self.holds_next_bits(self.c.row_words)
        rows = self.rows_of_chunk()
        bounds = [(y, min(rows, block.height - y)) for y in range(0, block.height, rows)]
        near = -(-2 // rows)
        last = self.slots()
        x2 = Buffer("x2", "spill", self.x.words)
        n = len(bounds)
        state: dict[int, dict] = {}

        def span(i: int) -> tuple[int, int]:
            return bounds[i][0] * block.width, bounds[i][1] * block.width

        def valid(i: int) -> bool:
            return 0 <= i < n

        for slot in range(-1, n + last + 1):
            # Scores keep the array and not the lanes: what only the lanes do goes behind them.
            if valid(slot):
                s = state[slot]
                s["probability"] = self.score(*span(slot), s.pop("query"))
            i = slot - 1 - last
            if valid(i) and self.following is not None:
                self.following.finish(*span(i))
            i = slot + 1
            if valid(i):
                state[i] = self.open_chunk(*span(i))
            i = slot - 1
            if valid(i):
                s = state[i]
                tokens = span(i)[1]
                s["t_bits"] = self.row_access(self.row_buffer("t_bits", tokens, kw), 0, tokens)
                self.context(*span(i), s.pop("probability"), s["u"], s["t_bits"])
            i = slot - last + 1
            if valid(i):
                s = state[i]
                s["hidden"], s["pooled"] = self.hidden(*span(i), s.pop("n2_bits"), s["x"])
            i = slot - 1
            if valid(i):
                s = state[i]
                bits = self.row_buffer("n2_bits", span(i)[1], kw)
                self.output(*span(i), s.pop("t_bits"), s["x"], s["u"], bits, 0)
                s["n2_bits"] = Access(bits, 0, bits.words, False)
            i = slot + 1
            if valid(i):
                s = state[i]
                row = bounds[i][0]
                grid = row // block.reduction * block.pooled_width * self.token_words
                main = Upsampled(
                    Values(kv.buffer, grid, self.token_words),
                    block.reduction,
                    row % block.reduction,
                    block.width,
                )
                s["query"] = self.query(*span(i), s.pop("bits"), s["x"], s["u"], main)
            i = slot - 1 - near
            if valid(i) and block.branch is not None:
                self.branch_rows(bounds, state, i)
            i = slot - last
            if valid(i):
                s = state[i]
                first, tokens = span(i)
                self.ffn_output(first, tokens, s["hidden"], s["pooled"], s["x"], s["u"])
                if self.following is None or self.following.stored:
                    e.store_values("x.store", s["x"], tokens, self.at(x2, first))
        return x2

    def open_chunk(self, first: int, tokens: int) -> dict:
        """Loads a chunk of x, makes its query input bits and room for u."""
        x = self.chunk_of_x("x", first, tokens, self.following)
        u = Values(Buffer("u", "u", tokens * self.token_words), 0, self.token_words)
        formed = self.input_bits and self.input_bits.formed(first, tokens)
        return {"x": x, "u": u, "bits": formed or self.threshold(first, tokens, x)}

    def threshold(self, first: int, tokens: int, x: Values) -> Access:
        """The query's bits of a chunk of x."""
        bits = self.row_buffer("input_bits", tokens, self.k_words)
        to = self.bits_to(bits, self.k_words, from_out=True)
        passes.threshold(self.emitter, "pass", first, tokens, x, to)
        return Access(bits, 0, bits.words, False)

    def branch_rows(self, bounds: list[tuple[int, int]], state: dict[int, dict], i: int) -> None:
        """BRANCH of every picture row of chunk i."""
        block = self.block
        rows = bounds[0][1]

        def at(y: int, key: str) -> Values | None:
            if not 0 <= y < block.height:
                return None
            values = state[y // rows][key]
            return values.at((y - bounds[y // rows][0]) * block.width)

        first, count = bounds[i]
        for y in range(first, first + count):
            branch(self.emitter, block, y, [at(y + dy, "x") for dy in range(-2, 3)], at(y, "u"))

    def rows_of_chunk(self) -> int:
        """Rows whose tokens fill tiles, as few as x memory asks for."""
        block, c = self.block, self.c
        best = min(
            range(1, 8),
            key=lambda rows: (self.tiles(rows * block.width) * c.rows / (rows * block.width), rows),
        )
        live = (2 * -(-2 // best) + 7) * best * block.width * self.token_words
        return best if live <= c.x_words else 1
