"""The steps of a block over a run of tokens, which every plan puts together."""

from __future__ import annotations

from abc import abstractmethod

from hw.spec.commands import Bits
from sw.compiler.schedule import attention, lanes, passes
from sw.compiler.schedule.buffers import BlockBuffers
from sw.compiler.schedule.dense import pool_channels
from sw.compiler.schedule.input_bits import InputBits
from sw.compiler.schedule.operands import BitsTo, Upsampled, Values
from sw.compiler.schedule.program import Access, Buffer

LANE_POOLS = (1, 2, 4, 8)
"""Channels that the lanes can average on the way; DENSE takes any other number."""


class Plan(BlockBuffers):
    """The steps; a plan says over which tokens, in which order, and where x is.

    Attributes
    ----------
    input_bits : InputBits or None
        The bits of x, where its maker may have formed them.
    next_bits : InputBits or None
        The bits of x2, which :meth:`ffn_output` forms if there is room for them.
    """

    input_bits: InputBits | None = None
    next_bits: InputBits | None = None

    # -- keys and values -----------------------------------------------------------------------

    def key_value(
        self,
        tokens: int,
        row_k: Access,
        row_v: Access,
        residual: Values,
        kv: Values | None,
        first: int = 0,
        bits: bool = True,
    ) -> None:
        """k and v of keys from `first` on: their sum to `kv`, their bits to column memory."""
        e, tiles = self.emitter, self.c.group_tiles
        to_keys = BitsTo(Bits.KEY, self.keys, 0, 0, self.k_words * tiles, first)
        to_values = BitsTo(Bits.VALUE, self.values, 0, 0, self.m_words * tiles, first)
        lanes.linear(
            e,
            "key",
            first,
            tokens,
            row_k,
            residual=residual,
            destination=kv,
            bits=to_keys if bits else None,
        )
        lanes.linear(
            e,
            "value",
            first,
            tokens,
            row_v,
            residual=residual,
            main=kv,
            destination=kv,
            bits=to_values if bits else None,
        )

    def reduced_keys(self, pooled: Values, kv: Values) -> None:
        """With spatial reduction: r from the pooled x, then k and v from r."""
        e, block = self.emitter, self.block
        m, kw = block.keys, self.k_words
        words = self.tiles(m) * kw
        row = self.row_buffer("pooled_bits", m, kw)
        passes.threshold(e, "pass_pooled", 0, m, pooled, self.bits_to(row, kw, from_out=True))
        reduced = Values(Buffer("reduced", "x", m * self.token_words), 0, self.token_words)
        bits = self.row_buffer("reduced_bits", m, kw, sets=2)
        lanes.linear(
            e,
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
        lanes.linear(
            self.emitter,
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
            attention.scores(
                self.emitter, self.block, first, tokens, head, query, self.keys, probability
            )
        return probability

    def context(
        self, first: int, tokens: int, probability: Buffer, u: Values, bits: Access
    ) -> None:
        """ctx and t; t's bits to `bits`."""
        to = self.bits_to(bits.buffer, self.k_words, offset=bits.start)
        attention.context(self.emitter, self.block, first, tokens, self.values, probability, u, to)

    def output(
        self, first: int, tokens: int, row: Access, x: Values, u: Values, bits: Buffer, offset: int
    ) -> None:
        """x1 in place of x, its bits at word `offset` of `bits`."""
        lanes.linear(
            self.emitter,
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
        """f: hidden bits and pooled f, beside what ffn's main operand lies in."""
        memory = "x" if self.block.branch is not None else "u"
        buffer = self.row_buffer("hidden_bits", tokens, self.hidden_words)
        pooled = Values(Buffer("pooled", memory, tokens * self.token_words), 0, self.token_words)
        bits = self.bits_to(buffer, self.hidden_words)
        if self.ratio in LANE_POOLS:
            lanes.linear(
                self.emitter,
                "hidden",
                first,
                tokens,
                row,
                residual=x,
                destination=pooled,
                bits=bits,
                inner=self.ratio,
                pool=self.ratio.bit_length() - 1,
            )
        else:
            self.hidden_then_pool(first, tokens, row, x, bits, pooled)
        return Access(buffer, 0, buffer.words, False), pooled

    def hidden_then_pool(
        self, first: int, tokens: int, row: Access, x: Values, bits: BitsTo, pooled: Values
    ) -> None:
        """All of f to u memory, as many tokens at a time as fit, and the dense unit pools it."""
        e, c = self.emitter, self.c
        wide = self.block.hidden // c.lanes
        words = wide + (self.token_words if pooled.buffer.memory == "x" else 0)
        step = max(1, self.free_u(tokens) // 2 // (c.rows * words)) * c.rows
        stays = 2 * self.block.layers["hidden"].weight.size // c.columns <= c.column_words
        for at in range(0, tokens, step):
            count = min(step, tokens - at)
            tile = at // c.rows
            start = row.start + tile * self.k_words
            f = Values(Buffer("hidden", "u", count * wide), 0, wide)
            if at and not stays:
                e.forget()
            lanes.linear(
                e,
                "hidden",
                first + at,
                count,
                Access(row.buffer, start, start + self.tiles(count) * self.k_words, False),
                residual=x.at(at),
                destination=f,
                bits=self.bits_to(bits.buffer, self.hidden_words, offset=tile * self.hidden_words),
                inner=self.ratio,
            )
            to = pooled.at(at)
            if pooled.buffer.memory == "u":
                pool_channels(e, "pooled", first + at, count, f, self.ratio, to)
                continue
            means = self.at(Buffer("means", "u", count * self.token_words), 0)
            pool_channels(e, "pooled", first + at, count, f, self.ratio, means)
            passes.copy(e, "pooled.copy", first + at, count, means, to)

    def ffn_output(
        self, first: int, tokens: int, row: Access, pooled: Values, x: Values, u: Values
    ) -> None:
        """x2 in place of x1."""
        main = u if self.block.branch is not None else x
        lanes.linear(
            self.emitter,
            "ffn",
            first,
            tokens,
            row,
            residual=pooled,
            main=main,
            destination=x,
            bits=self.next_bits and self.next_bits.to(first, tokens),
        )

    def holds_next_bits(self, room: int) -> bool:
        """Whether x2's bits are formed, in `room` row words; the last layer carries thresholds."""
        if self.next_bits is None or not self.next_bits.hold(room):
            return False
        layers = self.emitter.layers
        layers["ffn"] = self.next_bits.carried_by(layers["ffn"])
        return True

    @abstractmethod
    def bits_words(self) -> int:
        """Row words that it can use for bits of x formed ahead."""

    @abstractmethod
    def emit(self) -> Buffer:
        """Emits the whole block; returns where x2 is."""
