"""The lanes against a plain reference: every field, every corner, cycles."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from lanes_stimulus import EDGES, HALF, fields_of, run

from hw.spec.commands import Bits, Opcode, Source
from hw.spec.configuration import find_configuration

SMALL, LARGE = "3x4x64-l8", "7x16x64-l32"
PLAIN = {
    "residual": Source.NONE,
    "main": Source.NONE,
    "destination": Source.U,
    "pooled": 0,
    "up": 1,
    "inner": 1,
}


def linear(c, r, **chosen):
    """A LINEAR or CONTEXT."""
    return r.choice((Opcode.LINEAR, Opcode.CONTEXT)), fields_of(c, r, **chosen)


def pass_(c, r, **chosen):
    """A PASS: thresholds of main, y = 0 even with parameters that say otherwise."""
    return Opcode.PASS, fields_of(
        c,
        r,
        **{
            "parameter_fields": r.choice((0b001000000, 0b111000000, 0b111111111)),
            "bits_from_out": 1,
            "residual": Source.NONE,
            "main": r.choice((Source.X, Source.U)),
            "pooled": 0,
            "up": 1,
            **chosen,
        },
    )


def affine(c, r, **chosen):
    """An AFFINE: y of the residual alone, whatever double and offset say."""
    return Opcode.AFFINE, fields_of(
        c, r, **{"residual": Source.X, "main": r.choice((Source.NONE, Source.U)), **chosen}
    )


def mixed(c, r):
    """A random command of any kind."""
    return r.choice((linear, linear, linear, pass_, affine))(c, r)


@pytest.mark.parametrize("name, commands", [(SMALL, 60), (LARGE, 12)])
@pytest.mark.parametrize(
    "seed, stalls",
    [
        (1, {}),
        (2, {"stall": 0.3}),
        (3, {"result_stall": 0.5}),
        (4, {"stall": 0.2, "result_stall": 0.3, "command_stall": 0.7}),
    ],
)
def test_random_commands(name, commands, seed, stalls):
    c, r = find_configuration(name), random.Random(seed)
    todo = [mixed(c, r) for _ in range(commands)]
    seen = run(name, todo, seed, **stalls).reference.seen
    if name == SMALL:
        for corner in ("pre high", "pre low", "y high", "y low", "out high", "out low"):
            assert seen[corner] >= 5, corner


def test_random_commands_with_one_column_tile():
    c, r = find_configuration("2x8x64-l8"), random.Random(13)
    run(c.name, [mixed(c, r) for _ in range(40)], 13, stall=0.1, result_stall=0.1)


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_sources_and_up(name):
    c, r = find_configuration(name), random.Random(5)
    todo, met = [], Counter()
    for residual in Source:
        for main in Source:
            if residual != main or residual == Source.NONE:
                for destination in Source:
                    todo.append(
                        linear(
                            c,
                            r,
                            residual=residual,
                            main=main,
                            tiles=2,
                            destination=destination,
                            outer=2,
                        )
                    )
                    met[residual, main, destination] += 1
    for up in (1, 2, 4, 8):
        for width in (up, 2 * up, 2 * up + 1, 3 * up + up // 2):
            todo.append(
                linear(
                    c,
                    r,
                    up=up,
                    up_row=r.randrange(up),
                    width=width,
                    outer=1,
                    tiles=3 if name == LARGE else 6,
                    main=Source.X,
                    residual=Source.U,
                    destination=Source.NONE,
                )
            )
    run(name, todo, 5)
    assert len(met) == 21


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_main_rows(name):
    """Pictures of any width against tiles, groups that begin again in mid-row; contiguous ones."""
    c, r = find_configuration(name), random.Random(14)
    todo = [
        r.choice((linear, pass_, affine))(
            c,
            r,
            main=Source.X,
            residual=Source.U,
            up=1,
            width=width,
            main_token=token,
            main_row=row,
            tiles=3,
            inner=inner,
            outer=outer,
        )
        for width in (1, 2, c.rows - 1, c.rows, c.rows + 1, 2 * c.rows + 1, 3 * c.rows)
        for inner, outer in ((1, 1), (1, 2), (2, 1), (3, 3))
        for token, row in ((r.randrange(1, 6), r.randrange(1, 20)), (4, 4 * width), (5, 0))
    ]
    # Neither the width nor what is left of a row passes from one command to the next.
    todo += [
        linear(c, r, main=Source.X, residual=Source.U, up=up, width=9, main_row=row, tiles=2)
        for up, row in ((1, 30), (1, 0), (2, 0), (1, 7), (3, 0), (1, 0))
    ]
    run(name, todo, 14, stall=0.1, command_stall=0.2)


@pytest.mark.parametrize("name", [SMALL, LARGE])
@pytest.mark.parametrize("stalls", [{}, {"stall": 0.3, "result_stall": 0.3, "command_stall": 0.3}])
def test_affine_takes_no_result(name, stalls):
    """AFFINE between commands whose results wait: any operands, pool, groups and bits."""
    c, r = find_configuration(name), random.Random(15)
    chosen = [
        {"residual": residual, "main": main, "destination": destination, "outer": 2}
        for residual in (Source.X, Source.U)
        for main in (Source.NONE, Source(3 - residual))
        for destination in Source
    ]
    chosen += [
        {"pooled": 1, "pool": pool, "destination": Source.U, "inner": inner, "group_step": 3}
        for pool in range(4)
        for inner in (1, 4)
    ]
    chosen += [{"bits": bits, "first_key": 2 * c.lanes, "tiles": 3} for bits in Bits]
    chosen += [{"offset": offset, "double": 1, "parameter_fields": 511} for offset in EDGES]
    todo = []
    for fields in chosen:
        todo += [affine(c, r, **fields), linear(c, r, tiles=1, outer=1)]
    run(name, todo, 15, **stalls)


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_pool_inner_and_in_place(name):
    c, r = find_configuration(name), random.Random(6)
    todo = [
        linear(
            c,
            r,
            pooled=1,
            pool=pool,
            destination=Source.U,
            inner=inner,
            outer=2,
            tiles=2,
            residual=Source.X,
            main=Source.NONE,
            first_group=3,
            group_step=3,
            up=1,
        )
        for pool in range(4)
        for inner in (1, 2, 4)
    ]
    in_place = {
        "destination": Source.X,
        "destination_base": HALF,
        "destination_token": 4,
        "main": Source.X,
        "main_base": HALF,
        "main_token": 4,
        "main_row": 0,
        "up": 1,
        "pooled": 0,
        "residual": Source.U,
        "first_group": 0,
        "inner": 1,
        "outer": 3,
        "tiles": 3,
    }
    run(name, [*todo, linear(c, r, **in_place), pass_(c, r), affine(c, r, **in_place)], 6)


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_bits(name):
    c, r = find_configuration(name), random.Random(7)
    todo = [
        linear(
            c,
            r,
            bits=Bits.ROW,
            sets=sets,
            last_tokens=tokens,
            tiles=tiles,
            inner=inner,
            outer=2,
            bits_set=40,
        )
        for sets in (1, 2, 3)
        for tokens in (1, 2, c.rows)
        for tiles, inner in ((1, 2), (2, 1))
    ]
    todo += [
        linear(c, r, bits=Bits.KEY, first_key=first, tiles=tiles, outer=3)
        for first in (0, 1, c.columns, c.lanes - 1, 3 * c.lanes + 5)
        for tiles in (1, 2 * c.lanes // c.rows)
    ]
    # Values: 2 channel groups; whole blocks, partial ones, and chunks of one tensor.
    todo += [
        linear(c, r, bits=Bits.VALUE, first_key=first, tiles=tiles, last_tokens=last, outer=2)
        for first in (0, c.lanes, 64 + c.lanes)
        for tiles, last in ((1, 1), (1, c.rows), (2 * c.lanes // c.rows + 1, 2))
    ]
    todo += [
        linear(
            c,
            r,
            bits=Bits.VALUE,
            first_key=chunk * c.lanes,
            tiles=-(-c.lanes // c.rows),
            last_tokens=(c.lanes - 1) % c.rows + 1,
            outer=2,
            bits_base=8,
            bits_tile=30,
            first_group=2,
        )
        for chunk in range(3)
    ]
    todo += [
        linear(c, r, bits=bits, first_key=0, tiles=1, last_tokens=1, outer=2)
        for bits in (Bits.VALUE, Bits.KEY) * 3
    ]
    run(name, todo, 7)


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_extremes(name):
    """All operands at the ends of their formats, thresholds at a value and beside it."""
    c, r = find_configuration(name), random.Random(8)
    edges = [
        [[r.choice(EDGES) for _ in range(c.lanes)] for _ in range(n)]
        for n in (2 * HALF, 2 * HALF, c.parameter_words)
    ]
    todo = [
        linear(
            c,
            r,
            gain_shift=i,
            slope_shift=k,
            parameter_fields=511,
            bits=Bits.ROW,
            residual=Source.X,
            main=Source.U,
            sets=3,
            tiles=2,
            offset=r.choice(EDGES),
        )
        for i in range(4)
        for k in range(4)
    ]
    seen = run(
        name,
        todo,
        8,
        memories=edges,
        accumulators=lambda: [r.choice(EDGES) for _ in range(c.lanes)],
    ).reference.seen
    for corner in ("pre high", "pre low", "y high", "y low", "out high", "out low"):
        assert seen[corner] >= 20, corner

    values = [[r.choice(EDGES) for _ in range(c.lanes)] for _ in range(HALF)]
    clamp = lambda a: max(-32768, min(32767, a))  # noqa: E731
    parameters = [[clamp(v + d) for v in values[0]] for d in (-1, 0, 1)]
    parameters += [[0] * c.lanes] * (c.parameter_words - 3)
    todo = [
        pass_(
            c,
            r,
            main=main,
            main_base=0,
            main_token=1,
            parameter_base=0,
            outer=1,
            inner=1,
            parameter_fields=0b111000000,
            bits=Bits.ROW,
            sets=3,
            tiles=1,
            last_tokens=c.rows,
        )
        for main in (Source.X, Source.U)
    ]
    seen = run(
        name, todo, 9, memories=([values[0]] * 2 * HALF, [values[0]] * 2 * HALF, parameters)
    ).reference.seen
    assert min(seen["threshold -1"], seen["threshold +0"], seen["threshold +1"]) >= 4


def gaps(result) -> list[int]:
    """Cycles lost inside and between the commands' beats."""
    flat = [cycle for beats in result.beats for cycle in beats]
    return [b - a - 1 for a, b in itertools.pairwise(flat)]


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_throughput(name):
    c, r = find_configuration(name), random.Random(10)
    rows = {"last_tokens": c.rows, "bits": Bits.ROW, "sets": min(3, c.rows), "outer": 4, **PLAIN}
    few = (1 << c.rows) - 1  # as many parameter words as tokens
    # Parameters held over tiles; new parameters each group; one group a command.
    for chosen in (
        {"tiles": 4},
        {"tiles": 1},
        {"tiles": 1, "outer": 1},
        {"tiles": 3, "inner": 3, "residual": Source.X},
    ):
        todo = [linear(c, r, **{**rows, "parameter_fields": few, **chosen}) for _ in range(6)]
        got = run(name, todo, 10)
        assert sum(gaps(got)) == 0, chosen
    rows["parameter_fields"] = few
    todo = [pass_(c, r, **{**rows, "tiles": 2, "outer": 2, "main": Source.X}) for _ in range(6)]
    todo += [affine(c, r, **{**rows, "residual": Source.U, "tiles": 2}) for _ in range(3)]
    assert sum(gaps(run(name, todo, 10))) == 0
    # A group with more parameter words than tokens takes a cycle a word.
    todo = [linear(c, r, **{**rows, "parameter_fields": 511, "tiles": 1}) for _ in range(4)]
    got = run(name, todo, 10)
    flat = [cycle for beats in got.beats for cycle in beats]
    assert flat[-1] - flat[0] + 1 <= 9 * (len(flat) // c.rows)
    # A whole transposed block leaves group_tiles - 1 cycles.
    todo = [
        linear(
            c,
            r,
            **{
                **rows,
                "bits": Bits.VALUE,
                "sets": 1,
                "parameter_fields": few,
                "first_key": 0,
                "tiles": c.lanes,
                "outer": 1,
            },
        )
    ]
    assert sum(gaps(run(name, todo, 10))) == (c.rows - 1) * (c.group_tiles - 1)


@pytest.mark.parametrize("name", [SMALL, LARGE])
def test_short_groups_make_room_for_their_sets(name):
    c, r = find_configuration(name), random.Random(11)
    todo = [
        linear(
            c,
            r,
            **{
                **PLAIN,
                "bits": Bits.ROW,
                "sets": 3,
                "last_tokens": 1,
                "tiles": 1,
                "outer": 8,
                "parameter_fields": 1,
            },
        )
    ]
    assert gaps(run(name, todo, 11)) == [2] * 7


def test_latency_of_the_first_beat():
    c, r = find_configuration(SMALL), random.Random(12)
    got = run(
        SMALL,
        [linear(c, r, **{**PLAIN, "bits": Bits.ROW, "parameter_fields": 0b000000111, "tiles": 1})],
        12,
    )
    # The command waits in a register, 3 parameter words, and a cycle.
    assert got.beats[0][0] - got.commands[0] == 5
