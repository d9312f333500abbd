"""The schedule of one block: which operation follows which, over which tokens.

A block has three parts.  *Keys and values*: the input bits, spatial reduction, k and v, over all
tokens.  *Attention*: query, scores, context, output.  *FFN*: hidden, branches, output.  The
last two run over chunks of tokens, skewed so that neighbouring commands are independent and the
array never waits for the lanes or for the attention unit.

Two plans.  **Resident**: x lies in x memory, u (k+v, then q+k+v, then t, then x1 plus the
branches) in u memory, all in place.  **Streaming**: where x does not fit, it passes through x
memory picture row by picture row, twice (once for the spatial reduction), and x2 goes back.
"""

from __future__ import annotations

import math

from hw.spec.commands import Bits
from hw.spec.configuration import Configuration
from sw.compiler.schedule.allocate import allocate, memory_sizes
from sw.compiler.schedule.emit import BitsTo, Emitter, Upsampled, Values
from sw.compiler.schedule.image import BlockImage, ExternalMemory
from sw.compiler.schedule.program import (
    Access,
    Buffer,
    Program,
    ScheduleError,
    assemble,
    hoist_loads,
)

HOIST = 24
"""Operations that a LOAD may be issued ahead of its first use's place in the program."""


def schedule_block(block: BlockImage, configuration: Configuration) -> Program:
    """The program of one block, all weights and parameters fetched through the memory port.

    Raises
    ------
    ScheduleError
        For a block that the configuration cannot hold: names the memory, needed and available.
    """
    check(block, configuration)
    external = ExternalMemory()
    x_words = block.tokens * block.channels // configuration.lanes
    x_beats = x_words * configuration.lane_beats
    x_address = external.reserve(x_beats)
    streams = max(x_words + x_words // 8, 0) > configuration.x_words or (
        x_words > configuration.u_words)
    result_address = external.reserve(x_beats) if streams else None
    plan = Streaming if streams else Resident
    schedule = plan(block, configuration, external, x_address, result_address)
    schedule.emit()
    operations = schedule.emitter.operations
    sizes = memory_sizes(configuration)
    usage = allocate(operations, sizes)
    operations = hoist_loads(operations, sizes, HOIST)
    words = assemble(operations, sizes)
    start = external.add_commands(words)
    preload: list[int] = []
    if not streams:
        load = Emitter(block, configuration, external, 0)
        load.load_values("x", Values(schedule.x, 0, block.channels // configuration.lanes),
                         block.tokens, x_address)
        preload = assemble(load.operations, sizes)
    preload_start = external.add_commands(preload) if preload else start
    return Program(configuration, words, operations, external.image(), start, preload,
                   preload_start, x_address, result_address, usage)


def check(block: BlockImage, c: Configuration) -> None:
    """Raises ScheduleError for sizes that the gateware does not know."""
    d, rest = divmod(block.channels, block.heads)
    rules = (
        (block.channels % 32 == 0 and block.hidden % 32 == 0,
         f"channels={block.channels}, hidden={block.hidden}: both must be multiples of 32"),
        (rest == 0, f"heads={block.heads} does not divide channels={block.channels}"),
        (block.hidden % block.channels == 0, f"hidden={block.hidden} is no multiple of "
         f"channels={block.channels}"),
        (block.hidden // block.channels in (1, 2, 4, 8),
         f"hidden/channels={block.hidden // block.channels}: channel pooling takes 1, 2, 4 or 8"),
        (block.keys >= 1, f"reduction={block.reduction} leaves no key of a {block.height}x"
         f"{block.width} grid"),
        (d >= 1, f"heads={block.heads} exceed channels={block.channels}"),
    )
    for rule, text in rules:
        if not rule:
            raise ScheduleError(f"block: {text}")
    beats = c.rows * -(-block.keys // c.lanes)
    if beats > c.score_words // 2:
        raise ScheduleError(
            f"score memory: a tile of {block.keys} keys needs {beats} words twice, "
            f"{2 * beats} of {c.score_words} available; use a larger score_words or reduction")


class Plan:
    """What both plans share: sizes, buffers and the steps of a block over a run of tokens."""

    def __init__(self, block: BlockImage, configuration: Configuration,
                 external: ExternalMemory, x_address: int, result_address: int | None) -> None:
        c = self.c = configuration
        self.block = block
        self.x_address, self.result_address = x_address, result_address
        self.token_words = block.channels // c.lanes
        self.k_words = -(-block.channels // 64)
        self.hidden_words = -(-block.hidden // 64)
        self.m_words = -(-block.keys // 64)
        key_groups = -(-block.keys // c.lanes)
        self.keys = self.column_buffer("keys", key_groups * self.k_words * c.group_tiles)
        self.values = self.column_buffer(
            "values", self.token_words * self.m_words * c.group_tiles)
        self.pool = int(math.log2(block.hidden // block.channels))
        self.emitter = Emitter(block, configuration, external, self.unit_words())

    def unit_words(self) -> int:
        """Column words a weight LOAD brings."""
        raise NotImplementedError

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

    def bits_to(self, buffer: Buffer, words: int, *, offset: int = 0, sets_apart: int = 0,
                from_out: bool = False) -> BitsTo:
        """Row bits with `words` words a tile."""
        return BitsTo(Bits.ROW, buffer, offset, sets_apart, words, from_out=from_out)

    # -- keys and values -----------------------------------------------------------------------

    def key_value(self, tokens: int, row_k: Access, row_v: Access, residual: Values,
                  kv: Values) -> None:
        """k to key bits and kv, v to value bits and kv += v."""
        e, c = self.emitter, self.c
        e.linear("key", 0, tokens, row_k, residual=residual, destination=kv,
                 bits=BitsTo(Bits.KEY, self.keys, 0, 0, self.k_words * c.group_tiles))
        e.linear("value", 0, tokens, row_v, residual=residual, main=kv, destination=kv,
                 bits=BitsTo(Bits.VALUE, self.values, 0, 0, self.m_words * c.group_tiles))

    def reduced_keys(self, pooled: Values, kv: Values) -> None:
        """With spatial reduction: r from the pooled x, then k and v from r."""
        e, block = self.emitter, self.block
        m, kw = block.keys, self.k_words
        words = self.tiles(m) * kw
        row = self.row_buffer("pooled_bits", m, kw)
        e.threshold("pass_pooled", 0, m, pooled, self.bits_to(row, kw, from_out=True))
        reduced = Values(Buffer("reduced", "x", m * self.token_words), 0, self.token_words)
        bits = self.row_buffer("reduced_bits", m, kw, sets=2)
        e.linear("reduction", 0, m, Access(row, 0, words, False), residual=pooled,
                 destination=reduced, bits=self.bits_to(bits, kw, sets_apart=words))
        self.key_value(m, Access(bits, 0, words, False), Access(bits, words, 2 * words, False),
                       reduced, kv)

    # -- attention and FFN over one run of tokens ----------------------------------------------

    def query(self, first: int, tokens: int, row: Access, x: Values, u: Values,
              main: Values | Upsampled) -> Access:
        """q; returns where its bits lie."""
        bits = self.row_buffer("query_bits", tokens, self.k_words)
        self.emitter.linear("query", first, tokens, row, residual=x, main=main,
                            destination=u, bits=self.bits_to(bits, self.k_words))
        return Access(bits, 0, bits.words, False)

    def score(self, first: int, tokens: int, query: Access) -> Buffer:
        """Scores of all heads; returns the attention bits."""
        probability = Buffer("probability", "row",
                             self.block.heads * self.tiles(tokens) * self.m_words)
        for head in range(self.block.heads):
            self.emitter.scores(first, tokens, head, query, self.keys, probability)
        return probability

    def context(self, first: int, tokens: int, probability: Buffer, u: Values) -> Access:
        """ctx and t; returns where t's bits lie."""
        bits = self.row_buffer("t_bits", tokens, self.k_words)
        self.emitter.context(first, tokens, self.values, probability, u,
                             self.bits_to(bits, self.k_words))
        return Access(bits, 0, bits.words, False)

    def output(self, first: int, tokens: int, row: Access, x: Values, u: Values,
               bits: Buffer, offset: int) -> None:
        """x1 in place of x, its bits at word `offset` of `bits`."""
        self.emitter.linear("output", first, tokens, row, residual=u, main=x,
                            destination=x,
                            bits=self.bits_to(bits, self.k_words, offset=offset, from_out=True))

    def hidden(self, first: int, tokens: int, row: Access, x: Values) -> tuple[Access, Values]:
        """f1: hidden bits and pooled f."""
        memory = "x" if self.block.branch is not None else "u"
        bits = self.row_buffer("hidden_bits", tokens, self.hidden_words)
        pooled = Values(Buffer("pooled", memory, tokens * self.token_words), 0, self.token_words)
        self.emitter.linear("hidden", first, tokens, row, residual=x, destination=pooled,
                            bits=self.bits_to(bits, self.hidden_words),
                            inner=self.block.hidden // self.block.channels, pool=self.pool)
        return Access(bits, 0, bits.words, False), pooled

    def ffn_output(self, first: int, tokens: int, row: Access, pooled: Values, x: Values,
                   u: Values) -> None:
        """x2 in place of x1."""
        main = u if self.block.branch is not None else x
        self.emitter.linear("ffn", first, tokens, row, residual=pooled, main=main,
                            destination=x)

    def emit(self) -> None:
        """Emits the whole block."""
        raise NotImplementedError


class Resident(Plan):
    """x and u stay on chip."""

    def __init__(self, block: BlockImage, configuration: Configuration,
                 external: ExternalMemory, x_address: int, result_address: int | None) -> None:
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
        e.threshold("pass", 0, n, x,
                    self.bits_to(bits, kw, sets_apart=words, from_out=True))
        if r == 1:
            kv = u
            self.key_value(n, Access(bits, words, 2 * words, False),
                           Access(bits, 2 * words, 3 * words, False), x, kv)
        else:
            pooled = Values(Buffer("pooled_mean", "u", block.keys * self.token_words), 0,
                            self.token_words)
            for row in range(block.pooled_height):
                e.grid(row, self.at(self.x, row * r * block.width),
                       Values(pooled.buffer, row * block.pooled_width * self.token_words,
                              self.token_words))
            kv = Values(Buffer("kv", "u", block.keys * self.token_words), 0, self.token_words)
            self.reduced_keys(pooled, kv)
        n2_bits = self.row_buffer("n2_bits", n, kw)
        self.attention(bits, kv, n2_bits)
        self.ffn(n2_bits)

    def attention(self, bits: Buffer, kv: Values, n2_bits: Buffer) -> None:
        """Query, scores, context and output, skewed by a chunk; branches as rows complete."""
        block, c = self.block, self.c
        weights = sum(block.layers[name].weight.size // c.columns
                      for name in ("query", "output"))
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
                contexts[slot - 1] = self.context(first, tokens, probabilities.pop(slot - 1),
                                                  self.at(self.u, first))
            if slot + 1 < len(chunks):
                first, tokens = chunks[slot + 1]
                tile = first // c.rows * self.k_words
                row = Access(bits, tile, tile + self.tiles(tokens) * self.k_words, False)
                queries[slot + 1] = self.query(first, tokens, row, self.at(self.x, first),
                                               self.at(self.u, first), self.main(kv, first))
            if slot >= 1:
                first, tokens = chunks[slot - 1]
                self.output(first, tokens, contexts.pop(slot - 1), self.at(self.x, first),
                            self.at(self.u, first), n2_bits, first // c.rows * self.k_words)
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
        return Upsampled(Values(kv.buffer, grid * self.token_words, self.token_words),
                         block.reduction, row % block.reduction, block.width)

    def branches(self, done_rows: int, done_tokens: int) -> int:
        """Emits the BRANCH rows whose lower neighbours are complete; returns the next row."""
        block = self.block
        if block.branch is None:
            return 0
        complete = done_tokens // block.width
        while done_rows < block.height and min(done_rows + 3, block.height) <= complete:
            rows = [self.at(self.x, y * block.width) if 0 <= y < block.height else None
                    for y in range(done_rows - 2, done_rows + 3)]
            self.emitter.branch(done_rows, rows, self.at(self.u, done_rows * block.width))
            done_rows += 1
        return done_rows

    def ffn(self, n2_bits: Buffer) -> None:
        """Hidden and output, skewed by a chunk where all weights stay on chip."""
        block, c = self.block, self.c
        weights = sum(block.layers[name].weight.size // c.columns
                      for name in ("hidden", "ffn"))
        step = self.tiles(block.tokens)
        if weights <= c.column_words:
            free_rows = c.row_words - n2_bits.words
            free_x = c.x_words - self.x.words if block.branch is not None else (
                c.u_words - self.u.words)
            step = max(1, min(free_rows // (2 * self.hidden_words),
                              free_x // (2 * c.rows * self.token_words), -(-step // 3)))
        chunks = self.chunks(step)
        pending: list[tuple[int, int, Access, Values]] = []
        for slot in range(len(chunks) + 1):
            if slot < len(chunks):
                first, tokens = chunks[slot]
                tile = first // c.rows * self.k_words
                row = Access(n2_bits, tile, tile + self.tiles(tokens) * self.k_words, False)
                pending.append((first, tokens,
                                *self.hidden(first, tokens, row, self.at(self.x, first))))
            if slot >= 1:
                first, tokens, row, pooled = pending.pop(0)
                self.ffn_output(first, tokens, row, pooled, self.at(self.x, first),
                                self.at(self.u, first))


class Streaming(Plan):
    """x passes through x memory in chunks of whole picture rows."""

    def unit_words(self) -> int:
        """Whole layers: they stay for the block."""
        return self.c.column_words

    def emit(self) -> None:
        """Spatial reduction over all of x, then every step skewed over chunks of rows."""
        block, c = self.block, self.c
        if block.reduction == 1:
            raise ScheduleError(
                f"x memory: {block.tokens} tokens x {block.channels} channels need "
                f"{block.tokens * self.token_words} words of {c.x_words} available, and only "
                "blocks with reduction > 1 stream; use a configuration with more x_words")
        kv = Values(Buffer("kv", "u", block.keys * self.token_words), 0, self.token_words)
        self.reduced_keys(self.pool_all(), kv)
        self.stream(kv)

    def pool_all(self) -> Values:
        """The reduced grid of x."""
        block, e = self.block, self.emitter
        pooled = Buffer("pooled_mean", "u", block.keys * self.token_words)
        row_words = block.pooled_width * self.token_words
        tokens = block.reduction * block.width
        for row in range(block.pooled_height):
            x = self.chunk_of_x(f"pool{row}", row * tokens, tokens)
            e.grid(row, x, Values(pooled, row * row_words, self.token_words))
        return Values(pooled, 0, self.token_words)

    def chunk_of_x(self, name: str, first: int, tokens: int) -> Values:
        """Loads a run of tokens."""
        values = Values(Buffer(name, "x", tokens * self.token_words), 0, self.token_words)
        address = self.x_address + first * self.token_words * self.c.lane_beats
        self.emitter.load_values("x.load", values, tokens, address)
        return values

    def stream(self, kv: Values) -> None:
        """One slot a chunk; a step `lag` slots behind works on an earlier chunk."""
        block, e, kw = self.block, self.emitter, self.k_words
        rows = self.rows_of_chunk()
        bounds = [(y, min(rows, block.height - y)) for y in range(0, block.height, rows)]
        near = -(-2 // rows)
        # x2 replaces x1: row y may go when the branches of row y+2 have read it.
        last = 1 + 2 * near + 1 if block.branch is not None else 4
        n = len(bounds)
        state: dict[int, dict] = {}

        def span(i: int) -> tuple[int, int]:
            return bounds[i][0] * block.width, bounds[i][1] * block.width

        def valid(i: int) -> bool:
            return 0 <= i < n

        for slot in range(-1, n + last):
            if valid(slot):
                s = state[slot]
                s["probability"] = self.score(*span(slot), s.pop("query"))
            i = slot - 1
            if valid(i):
                s = state[i]
                s["t_bits"] = self.context(*span(i), s.pop("probability"), s["u"])
            i = slot + 1
            if valid(i):
                s = state[i] = self.open_chunk(*span(i))
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
                main = Upsampled(Values(kv.buffer, grid, self.token_words), block.reduction,
                                 row % block.reduction, block.width)
                s["query"] = self.query(*span(i), s.pop("bits"), s["x"], s["u"], main)
            i = slot - 1 - near
            if valid(i) and block.branch is not None:
                self.branch_rows(bounds, state, i)
            i = slot - last
            if valid(i):
                s = state[i]
                first, tokens = span(i)
                self.ffn_output(first, tokens, s["hidden"], s["pooled"], s["x"], s["u"])
                e.store_values("x.store", s["x"], tokens, self.result_address
                               + first * self.token_words * self.c.lane_beats)

    def open_chunk(self, first: int, tokens: int) -> dict:
        """Loads a chunk of x, makes its query input bits and room for u."""
        x = self.chunk_of_x("x", first, tokens)
        bits = self.row_buffer("input_bits", tokens, self.k_words)
        self.emitter.threshold("pass", first, tokens, x,
                               self.bits_to(bits, self.k_words, from_out=True))
        u = Values(Buffer("u", "u", tokens * self.token_words), 0, self.token_words)
        return {"x": x, "u": u, "bits": Access(bits, 0, bits.words, False)}

    def branch_rows(self, bounds: list[tuple[int, int]], state: dict[int, dict], i: int) -> None:
        """BRANCH of every picture row of chunk i."""
        block = self.block
        rows = bounds[0][1]
        row_words = block.width * self.token_words

        def at(y: int, key: str) -> Values | None:
            if not 0 <= y < block.height:
                return None
            values = state[y // rows][key]
            return Values(values.buffer, (y - bounds[y // rows][0]) * row_words,
                          self.token_words)

        first, count = bounds[i]
        for y in range(first, first + count):
            self.emitter.branch(y, [at(y + dy, "x") for dy in range(-2, 3)], at(y, "u"))

    def rows_of_chunk(self) -> int:
        """Rows whose tokens fill tiles, as few as x memory asks for."""
        block, c = self.block, self.c
        best = min(range(1, 8), key=lambda rows: (
            self.tiles(rows * block.width) * c.rows / (rows * block.width), rows))
        live = (2 * -(-2 // best) + 7) * best * block.width * self.token_words
        return best if live <= c.x_words else 1
