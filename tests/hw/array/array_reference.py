"""An independent model of the array's sums, and a harness that runs the unit on commands."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from hw.array.unit import ArrayUnit
from hw.spec.commands import RECORDS, Opcode, encode
from hw.spec.configuration import Configuration
from sim.build import build_simulator, verilog
from sim.run import run_testbench


@dataclass(frozen=True)
class Command:
    """An opcode and its ARRAY fields."""

    opcode: Opcode
    fields: dict[str, int]

    def __getattr__(self, name: str) -> int:
        return self.fields[name]

    def groups(self, c: Configuration) -> list[tuple[int, int, int]]:
        """(tile, group, tokens) of every group in execution order."""
        every = [
            (t, o * self.inner + i)
            for a in range(self.tiles if self.opcode == Opcode.SCORE else self.outer)
            for b in range(self.outer if self.opcode == Opcode.SCORE else self.tiles)
            for i in range(self.inner)
            for t, o in [(a, b) if self.opcode == Opcode.SCORE else (b, a)]
        ]
        return [(t, g, self.last_tokens if t == self.tiles - 1 else c.rows) for t, g in every]

    def words_issued(self, c: Configuration) -> int:
        """Operand words of a group."""
        return self.heads * self.words * c.group_tiles

    @property
    def subtracted(self) -> int:
        """Groups that are subtracted from the others: CONTEXT's, one of each outer group."""
        return self.outer if self.opcode == Opcode.CONTEXT else 0


@dataclass(frozen=True)
class Memories:
    """Bits of row memory (word, slot, 64) and of column memory (word, column, 64)."""

    row: np.ndarray
    column: np.ndarray


def random_memories(c: Configuration, seed: int) -> Memories:
    """Memories full of random bits, padding included."""
    rng = np.random.default_rng(seed)
    return Memories(
        rng.integers(0, 2, (c.row_words, c.rows, 64), dtype=np.uint8),
        rng.integers(0, 2, (c.column_words, c.columns, 64), dtype=np.uint8),
    )


def make_command(
    opcode: Opcode, c: Configuration, rng: np.random.Generator, **fields: int
) -> Command:
    """A command with tight random layouts for what is not given."""
    f = {
        "tiles": 1,
        "last_tokens": c.rows,
        "outer": 1,
        "inner": 1,
        "heads": 1,
        "words": 1,
        "first_bit": 0,
        "last_bit": 64,
        "head_channels": 0,
        "head_skip": 0,
    } | fields
    f.setdefault("row_head", f["words"] + int(rng.integers(0, 2)))
    f.setdefault("row_tile", f["row_head"] * f["heads"] + int(rng.integers(0, 2)))
    f.setdefault("column_group", f["words"] * c.group_tiles + int(rng.integers(0, 3)))
    row_span = f["row_tile"] * f["tiles"]
    column_span = f["column_group"] * f["outer"] * f["inner"]
    assert row_span <= c.row_words and column_span <= c.column_words, (row_span, column_span)
    f.setdefault("row_base", int(rng.integers(0, c.row_words - row_span + 1)))
    f.setdefault("column_base", int(rng.integers(0, c.column_words - column_span + 1)))
    return Command(opcode, f)


def expected_beats(command: Command, memories: Memories, c: Configuration) -> np.ndarray:
    """The command's beats (beats, lanes), by +-1 algebra on whole rows of K bits."""
    f, beats = command, []
    valid = np.ones(f.words * 64, dtype=bool)
    valid[: f.first_bit] = False
    valid[(f.words - 1) * 64 + f.last_bit :] = False
    for tile, group, tokens in f.groups(c):
        start = f.column_base + group * f.column_group
        words = memories.column[start : start + f.words * c.group_tiles]
        outputs = (
            words.reshape(f.words, c.group_tiles, c.columns, 64)
            .transpose(1, 2, 0, 3)
            .reshape(c.lanes, -1)[:, valid]
            .astype(np.int64)
        )
        total = np.zeros((c.rows, c.lanes), dtype=np.int64)
        for head in range(f.heads):
            start = f.row_base + tile * f.row_tile + head * f.row_head
            row = (
                memories.row[start : start + f.words]
                .transpose(1, 0, 2)
                .reshape(c.rows, -1)[:, valid]
                .astype(np.int64)
            )
            if f.opcode == Opcode.CONTEXT:
                lane = np.arange(c.lanes) + f.head_skip
                total += (row @ (2 * outputs - 1).T) * (lane // f.head_channels == head)
            else:
                product = (2 * row - 1) @ (2 * outputs - 1).T
                total += (product + valid.sum()) // 2 + (~valid).sum()
        beats.append(total[:tokens])
    return np.concatenate(beats)


@dataclass(frozen=True)
class Run:
    """Beats of a run and the cycles of everything."""

    results: np.ndarray
    result_cycles: np.ndarray
    scores: np.ndarray
    score_cycles: np.ndarray
    issues: np.ndarray
    score_tiles: np.ndarray


def _unpack(beats: list[str], lanes: int) -> np.ndarray:
    raw = [int(beat, 16).to_bytes(2 * lanes, "little") for beat in beats]
    return np.frombuffer(b"".join(raw), dtype="<i2").reshape(-1, lanes).astype(np.int64)


@functools.cache
def unit_verilog(c: Configuration) -> str:
    """The unit's Verilog; seconds for a large array."""
    return verilog(ArrayUnit(c), "array_unit")


def run_unit(
    c: Configuration,
    commands: list[Command],
    memories: Memories,
    *,
    stall: str = "none",
    seed: int = 0,
    score_tiles: int = 2,
) -> Run:
    """Run the gateware in Verilator."""
    simulator = build_simulator({"array_unit.v": unit_verilog(c)}, "array_unit")
    width = RECORDS[Opcode.LINEAR].bits
    counts = {True: 0, False: 0}
    tile_beats: list[int] = []
    for command in commands:
        groups = command.groups(c)
        score = command.opcode == Opcode.SCORE
        counts[score] += sum(tokens for *_, tokens in groups)
        if score:
            tile_beats += [
                sum(n for t, _, n in groups if t == tile) for tile in range(command.tiles)
            ]
    run = run_testbench(
        simulator, "sim.testbenches.array_unit",
        parameters={
            "commands": [f"{encode(x.opcode, tag=i + 1, **x.fields) & ((1 << width) - 1):x}"
                         for i, x in enumerate(commands)],
            "row_bits": c.rows * 64, "column_bits": c.columns * 64,
            "stall": stall, "seed": seed, "score_tiles": score_tiles, "score_beats": tile_beats,
            "results": counts[False], "scores": counts[True],
            "timeout_cycles": 60_000,
        },
        inputs={
            "row": np.packbits(memories.row.reshape(c.row_words, -1), axis=1, bitorder="little"),
            "column": np.packbits(memories.column.reshape(c.column_words, -1), axis=1,
                                  bitorder="little"),
        },
        seed=seed,
    )  # fmt: skip
    got = run.values
    return Run(
        _unpack(got["results"], c.lanes),
        np.array(got["result_cycles"]),
        _unpack(got["scores"], c.lanes),
        np.array(got["score_cycles"]),
        np.array(got["issues"]),
        np.array(got["score_tiles"]),
    )


def assert_beats(run: Run, commands: list[Command], memories: Memories, c: Configuration) -> None:
    """Every beat equals the model's, in order, and no more words were issued than needed."""
    for name, score in (("results", False), ("scores", True)):
        parts = [
            (i, expected_beats(x, memories, c))
            for i, x in enumerate(commands)
            if (x.opcode == Opcode.SCORE) == score
        ]
        got = getattr(run, name)
        want = sum(len(part) for _, part in parts)
        assert len(got) == want, f"{name}: {len(got)} beats, {want} expected"
        position = 0
        for index, part in parts:
            here = got[position : position + len(part)]
            wrong = np.argwhere(here != part)
            assert not len(wrong), (
                f"{name} of command {index} ({commands[index]}): first wrong beat, lane "
                f"{wrong[0].tolist()}: {here[tuple(wrong[0])]} instead of {part[tuple(wrong[0])]}"
            )
            position += len(part)
    groups = [len(x.groups(c)) + x.subtracted for x in commands]
    assert len(run.issues) == sum(
        x.words_issued(c) * count for x, count in zip(commands, groups, strict=True)
    )
