"""One frozen object holds every size of an accelerator; it is validated at construction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

PAIRED_FROM = 16
"""Pairs of operands in a segment from which on DENSE may take two tokens at a time: with fewer, two
in turn take no longer."""


def is_memory_size(words: int) -> bool:
    """Whether `words` are whole block RAMs of 512 words, or a power of two below that."""
    return (words > 0 and words % 512 == 0) or (2 <= words < 512 and not words & (words - 1))


class ConfigurationError(ValueError):
    """An impossible configuration: names the member, its value, the rule and the remedy."""


@dataclass(frozen=True)
class Configuration:
    """Sizes of one accelerator.

    Parameters
    ----------
    rows : int
        Tokens of a tile: rows of the systolic array.
    columns : int
        Output channels that the array computes side by side.
    lanes : int
        Channels of one token that the post-processor takes in a cycle; a multiple of `columns`
        and a divisor of 32.  ``lanes / columns`` column tiles make a *group*.
    word_bits : int
        Bits of the reduction axis (K) a processing element takes in a cycle.
    cluster_columns : int
        Columns that share one register stage of the systolic array.
    pool_lanes : int
        Channels that the pooled-branch unit takes in a cycle.
    x_words, u_words : int
        Words (`lanes` values) of the two value memories.  Their size and that of the next three is
        a multiple of 512, or a power of two below.
    row_words : int
        Words (`rows` x 64 bits) of the activation-bit memory.
    column_words : int
        Words (`columns` x 64 bits) of the weight, key and value bit memory.
    parameter_words : int
        Words (`lanes` x 16 bits) of the parameter memory.
    score_words : int
        Words (`lanes` score indices) of the score memory, a ring of at least two tiles.
    exp_entries : int
        Entries of the exponential table.
    port_bits : int
        Width of the memory port.
    result_groups : int
        Groups that the result FIFO between array and lanes holds.
    queue_depth : int
        Commands each engine's queue holds.
    dense_tokens : int
        Tokens that DENSE multiplies at a time where a segment has 16 pairs of 8-bit operands or
        more: 2 costs two multipliers (8 x 8 bits) and two sums a lane more, and halves the steps of
        a stem with patches of 4 x 4 pixels.
    """

    name: str
    rows: int
    columns: int
    lanes: int
    word_bits: int = 64
    cluster_columns: int = 4
    pool_lanes: int = 8
    x_words: int = 2048
    u_words: int = 2048
    row_words: int = 512
    column_words: int = 512
    parameter_words: int = 512
    score_words: int = 512
    exp_entries: int = 64
    port_bits: int = 128
    result_groups: int = 4
    queue_depth: int = 8
    dense_tokens: int = 1

    def __post_init__(self) -> None:
        def need(rule: bool, member: str, text: str) -> None:
            if not rule:
                raise ConfigurationError(
                    f"configuration {self.name}: {member}={getattr(self, member)} {text}"
                )

        need(1 <= self.rows <= 15, "rows", "is outside 1..15; use 7 for tokens in multiples of 7")
        need(self.word_bits == 64, "word_bits", "is not 64, the only width of a bit word")
        need(self.lanes in (8, 16, 32), "lanes", "is not 8, 16 or 32 (they divide 32 channels)")
        need(
            self.columns in (2, 4, 8, 16, 32) and self.lanes % self.columns == 0,
            "columns",
            f"does not divide lanes={self.lanes}; use 2, 4, 8, 16 or 32",
        )
        need(
            self.columns % self.cluster_columns == 0,
            "cluster_columns",
            f"does not divide columns={self.columns}",
        )
        need(
            self.lanes % self.pool_lanes == 0 and self.pool_lanes >= 1,
            "pool_lanes",
            f"does not divide lanes={self.lanes}",
        )
        need(self.port_bits == 128, "port_bits", "is not 128, the only port width so far")
        for member in ("x_words", "u_words", "row_words", "column_words", "parameter_words"):
            size = getattr(self, member)
            need(
                16 <= size <= 8192 and is_memory_size(size),
                member,
                "is neither a multiple of 512 up to 8192 nor a power of two from 16 to 512",
            )
        for member in ("score_words", "exp_entries"):
            size = getattr(self, member)
            need(
                16 <= size <= 8192 and size & (size - 1) == 0,
                member,
                "is not a power of two from 16 to 8192",
            )
        need(
            self.result_groups >= 2,
            "result_groups",
            "is below 2; the array needs one to fill while another drains",
        )
        need(self.queue_depth >= 2, "queue_depth", "is below 2")
        need(self.dense_tokens in (1, 2), "dense_tokens", "is not 1 or 2")

    @property
    def group_tiles(self) -> int:
        """Column tiles of a group."""
        return self.lanes // self.columns

    @property
    def column_beats(self) -> int:
        """Port beats of one column-memory word."""
        return self.columns * 64 // self.port_bits

    @property
    def lane_beats(self) -> int:
        """Port beats of one word of `lanes` 16-bit values or parameters."""
        return self.lanes * 16 // self.port_bits

    @property
    def macs_per_cycle(self) -> int:
        """Binary multiply-accumulates a cycle."""
        return self.rows * self.columns * self.word_bits

    def memories(self) -> dict[str, tuple[int, int]]:
        """Name to (words, bits a word) of every on-chip memory in block RAM."""
        return {
            "x": (self.x_words, self.lanes * 16),
            "u": (self.u_words, self.lanes * 16),
            "row": (self.row_words, self.rows * 64),
            "column": (self.column_words, self.columns * 64),
            "parameter": (self.parameter_words, self.lanes * 16),
            "score": (self.score_words, self.lanes * (self.exp_entries - 1).bit_length()),
        }

    def memory_kbit(self) -> dict[str, float]:
        """Kilobits (1024 bits) of every on-chip memory."""
        return {name: words * bits / 1024 for name, (words, bits) in self.memories().items()}

    def block_rams(self) -> dict[str, int]:
        """Block RAMs of 512 x 36 bits (18 kbit) that each memory takes."""
        return {
            name: -(-words // 512) * -(-bits // 36)
            for name, (words, bits) in self.memories().items()
        }

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over every member but the name."""
        members = {k: v for k, v in self.describe().items() if k != "name"}
        return hashlib.sha256(json.dumps(members, sort_keys=True).encode()).hexdigest()

    def describe(self) -> dict[str, int | str]:
        """Every member as a plain dictionary."""
        return asdict(self)


CONFIGURATIONS = {
    c.name: c
    for c in (
        Configuration(
            "7x16x64-l32",
            rows=7,
            columns=16,
            lanes=32,
            row_words=1024,
            parameter_words=1024,
            dense_tokens=2,
        ),
        Configuration(
            "7x8x64-l16",
            rows=7,
            columns=8,
            lanes=16,
            pool_lanes=4,
            x_words=4096,
            u_words=4096,
            column_words=1024,
            parameter_words=1024,
        ),
        Configuration(
            "4x8x64-l16",
            rows=4,
            columns=8,
            lanes=16,
            pool_lanes=4,
            x_words=2048,
            u_words=2048,
            row_words=1024,
            column_words=1024,
            parameter_words=1024,
        ),
        Configuration(
            "3x4x64-l8",
            rows=3,
            columns=4,
            lanes=8,
            cluster_columns=2,
            pool_lanes=4,
            x_words=4096,
            u_words=4096,
            row_words=2048,
            column_words=2048,
            parameter_words=2048,
            score_words=1024,
        ),
        # Holds the blocks of the paper's network.  Two pool lanes: BRANCH reads five words for one.
        Configuration(
            "7x4x64-l8",
            rows=7,
            columns=4,
            lanes=8,
            cluster_columns=2,
            pool_lanes=2,
            x_words=7168,
            u_words=6656,
            column_words=2048,
            parameter_words=1536,
        ),
        Configuration(
            "2x8x64-l8",
            rows=2,
            columns=8,
            lanes=8,
            pool_lanes=2,
            x_words=4096,
            u_words=4096,
            row_words=4096,
            column_words=1024,
            parameter_words=2048,
            score_words=1024,
            result_groups=6,
        ),
        # The least that runs: for the smallest device, and for tools that take long.
        Configuration(
            "2x2x64-l8",
            rows=2,
            columns=2,
            lanes=8,
            cluster_columns=2,
            pool_lanes=2,
        ),
        # Its memories hold more of a model, for one that has block RAM in place of external memory.
        Configuration(
            "8x4x64-l8-on-chip",
            rows=8,
            columns=4,
            lanes=8,
            cluster_columns=2,
            pool_lanes=2,
            x_words=3584,
            u_words=2560,
            column_words=1024,
            parameter_words=1024,
        ),
    )
}
"""Named configurations; the name says rows x columns x word bits - lanes."""
DEFAULT_CONFIGURATION = "4x8x64-l16"
"""What commands use when no configuration is named."""


def find_configuration(name: str) -> Configuration:
    """The configuration called `name`.

    Raises
    ------
    ConfigurationError
        For an unknown name; lists the known ones.
    """
    if name not in CONFIGURATIONS:
        raise ConfigurationError(
            f"configuration {name!r} is unknown; choose one of {', '.join(CONFIGURATIONS)}"
        )
    return CONFIGURATIONS[name]
