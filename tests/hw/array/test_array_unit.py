"""ArrayUnit against an independent model: values, numbers of beats, latency, throughput."""

import numpy as np
import pytest
from array_reference import (
    Command,
    assert_beats,
    make_command,
    random_memories,
    run_unit,
)

from hw.spec.commands import Opcode
from hw.spec.configuration import CONFIGURATIONS, Configuration, find_configuration

SIZES = ("3x4x64-l8", "7x16x64-l32")
STALLS = ("none", "source", "sink", "random")
# One column tile a group, one cluster, other cluster counts.
ODD_SIZES = (
    Configuration("2x8x64-l8", rows=2, columns=8, lanes=8, pool_lanes=2, result_groups=6),
    Configuration("5x2x64-l16", rows=5, columns=2, lanes=16, cluster_columns=2),
)


def mixed_commands(c: Configuration, rng: np.random.Generator) -> list[Command]:
    """Every kind of command in one program, among them the shortest groups back to back."""

    def make(opcode: Opcode, **fields: int) -> Command:
        return make_command(opcode, c, rng, **fields)

    linear, context, score = Opcode.LINEAR, Opcode.CONTEXT, Opcode.SCORE
    commands = [
        make(linear, words=1, last_bit=32, tiles=3, last_tokens=1, inner=4),  # K = 32
        make(linear, words=1, tiles=2, last_tokens=c.rows - 1, outer=3, inner=2),  # K = 64
        make(linear, words=2, last_bit=32, tiles=2, outer=2),  # K = 96
        make(score, words=1, first_bit=0, last_bit=32, tiles=3, outer=3, last_tokens=2),
        make(score, words=2, first_bit=48, last_bit=16, tiles=2, outer=2),  # crosses a word
        make(linear, words=8, tiles=2, outer=2, inner=1),  # K = 512
        make(score, words=1, first_bit=12, last_bit=24, tiles=2, inner=4, last_tokens=1),
        make(
            context,
            words=1,
            last_bit=49,
            heads=max(1, c.lanes // 4),
            head_channels=4,
            tiles=2,
            last_tokens=2,
        ),
        make(context, words=2, last_bit=33, heads=2, head_channels=12, head_skip=8, tiles=2),
        make(context, words=3, heads=1, head_channels=32, outer=2, tiles=2, inner=1),
        make(context, words=1, last_bit=10, heads=2, head_channels=48, head_skip=44, last_tokens=1),
        make(context, words=2, heads=1, head_channels=64, outer=3, head_skip=32, last_bit=1),
        make(linear, words=1, tiles=1, last_tokens=1, inner=5),
        make(linear, words=1, tiles=4, outer=3, last_tokens=1),
    ]
    return commands


@pytest.mark.parametrize("stall", STALLS)
@pytest.mark.parametrize("size", SIZES)
def test_every_kind_of_command_equals_the_model(size: str, stall: str) -> None:
    c = find_configuration(size)
    seed = 11 + STALLS.index(stall)
    memories = random_memories(c, seed)
    commands = mixed_commands(c, np.random.default_rng(seed))
    run = run_unit(c, commands, memories, stall=stall, seed=seed)
    assert_beats(run, commands, memories, c)
    assert len(run.score_tiles) == sum(x.tiles for x in commands if x.opcode == Opcode.SCORE)


@pytest.mark.parametrize("stall", ("none", "random"))
@pytest.mark.parametrize("c", ODD_SIZES, ids=lambda c: c.name)
def test_other_shapes_equal_the_model(c: Configuration, stall: str) -> None:
    memories = random_memories(c, 5)
    commands = mixed_commands(c, np.random.default_rng(5))
    run = run_unit(c, commands, memories, stall=stall, seed=5)
    assert_beats(run, commands, memories, c)


def latency(c: Configuration) -> int:
    """Issue of a group's last word to its token 0 on `result` (two cycles less on `score`)."""
    return max(8, c.group_tiles) + c.columns // c.cluster_columns + 2


@pytest.mark.parametrize(
    ("size", "words"),
    [(size, words) for size in SIZES for words in (1, 2, 3, 8)]
    + [(size, 1) for size in CONFIGURATIONS if size not in SIZES],
)
def test_a_group_takes_its_words_or_its_tokens_without_bubbles(size: str, words: int) -> None:
    c = find_configuration(size)
    rng, memories = np.random.default_rng(3), random_memories(c, 3)
    commands = [
        make_command(Opcode.LINEAR, c, rng, words=words, tiles=3, outer=2, inner=2),
        make_command(Opcode.LINEAR, c, rng, words=words, tiles=1, inner=9),
        make_command(Opcode.LINEAR, c, rng, words=words, tiles=6, outer=2),
    ]
    run = run_unit(c, commands, memories)
    assert_beats(run, commands, memories, c)
    period = max(words * c.group_tiles, c.rows)
    groups = sum(len(x.groups(c)) for x in commands)
    first = run.result_cycles[:: c.rows]
    assert np.array_equal(np.diff(first), np.full(groups - 1, period))
    assert first[0] == run.issues[words * c.group_tiles - 1] + latency(c)
    assert run.result_cycles[-1] - first[0] + 1 == period * (groups - 1) + c.rows
    if words * c.group_tiles >= c.rows:
        assert np.all(np.diff(run.issues) == 1)


@pytest.mark.parametrize("size", SIZES)
def test_few_tokens_a_group_cost_only_its_words(size: str) -> None:
    c = find_configuration(size)
    rng, memories = np.random.default_rng(4), random_memories(c, 4)
    commands = [
        make_command(Opcode.LINEAR, c, rng, words=1, inner=8, last_tokens=n)
        for n in range(1, c.rows + 1)
    ]
    run = run_unit(c, commands, memories)
    assert_beats(run, commands, memories, c)
    # The first beat of each group, a group after a group of n tokens.
    sizes = [n for x in commands for *_, n in x.groups(c)]
    first = run.result_cycles[np.cumsum([0, *sizes[:-1]])]
    assert np.array_equal(np.diff(first), np.maximum(sizes[:-1], c.group_tiles))


@pytest.mark.parametrize("size", SIZES)
def test_scores_and_context_keep_the_rate_across_commands(size: str) -> None:
    c = find_configuration(size)
    rng, memories = np.random.default_rng(6), random_memories(c, 6)
    commands = []
    for first_bit in (0, 32):
        commands.append(
            make_command(
                Opcode.SCORE, c, rng, tiles=2, outer=4, first_bit=first_bit, last_bit=first_bit + 32
            )
        )
        commands.append(
            make_command(
                Opcode.CONTEXT, c, rng, tiles=2, words=4, heads=1, head_channels=32, outer=2
            )
        )
    run = run_unit(c, commands, memories, score_tiles=100)
    assert_beats(run, commands, memories, c)
    # Groups of fewer words than tokens leave the array idle, all others do not.
    need = [max(x.words_issued(c), c.rows) for x in commands for _ in x.groups(c)]
    need += [x.words_issued(c) * x.subtracted for x in commands]
    assert run.issues[-1] - run.issues[0] + 1 <= sum(need)
    assert run.score_cycles[0] == run.issues[c.group_tiles - 1] + latency(c) - 2


@pytest.mark.parametrize("size", SIZES)
def test_a_tile_of_scores_waits_for_room(size: str) -> None:
    c = find_configuration(size)
    rng, memories = np.random.default_rng(8), random_memories(c, 8)
    commands = [make_command(Opcode.SCORE, c, rng, tiles=5, outer=2) for _ in range(2)]
    run = run_unit(c, commands, memories, score_tiles=1)
    assert_beats(run, commands, memories, c)
    # With room for one tile, a tile begins only after the last beat of the one before.
    last = run.score_cycles[2 * c.rows - 1 :: 2 * c.rows]
    assert np.all(run.score_tiles[1:] > last[:-1])


def test_a_blocked_sink_stops_the_issue_and_loses_nothing() -> None:
    c = find_configuration("3x4x64-l8")
    memories = random_memories(c, 9)
    commands = [make_command(Opcode.LINEAR, c, np.random.default_rng(9), tiles=20, inner=8)]
    for seed in range(3):
        run = run_unit(c, commands, memories, stall="sink", seed=seed)
        assert_beats(run, commands, memories, c)
