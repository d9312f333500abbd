"""Popcount and Element in Amaranth's simulator: signed counts, mute, holds, latency."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.array.element import Element
from hw.array.popcount import POPCOUNT_LATENCY, Popcount
from hw.spec.configuration import Configuration, find_configuration


def test_popcount_counts_latency_cycles_later() -> None:
    """Ones of edges and random words, less their zeros, and nothing, in any order."""
    rng = np.random.default_rng(1)
    words = [0, 2**64 - 1, *(1 << i for i in range(64)), *(2**64 - (1 << i) for i in range(64))]
    words += [int.from_bytes(rng.bytes(8), "little") for _ in range(300)]
    words *= 2
    signs, mutes = rng.random(len(words)) < 0.5, rng.random(len(words)) < 0.2
    dut, got = Popcount(), []

    async def bench(ctx) -> None:
        for cycle, word in enumerate([*words, *[0] * POPCOUNT_LATENCY]):
            ctx.set(dut.bits, word)
            counted = cycle - (POPCOUNT_LATENCY - 1)
            if 0 <= counted < len(words):
                ctx.set(dut.subtract, int(signs[counted]))
                ctx.set(dut.mute, int(mutes[counted]))
            got.append(ctx.get(dut.count))
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert got[POPCOUNT_LATENCY:] == [
        0 if mute else word.bit_count() - 64 * int(sign)
        for word, sign, mute in zip(words, signs, mutes, strict=True)
    ]


@pytest.mark.parametrize(
    "c",
    [
        find_configuration("3x4x64-l8"),
        find_configuration("2x8x64-l8"),
        Configuration("2x2x64-l8", rows=2, columns=2, lanes=8, cluster_columns=2, pool_lanes=2),
    ],
    ids=lambda c: c.name,
)
def test_element_sums_word_major_groups_with_gaps(c: Configuration) -> None:
    """Random signs, mutes and gaps; every group's holds equal sums made apart."""
    rng = np.random.default_rng(2)
    tiles, dut = c.group_tiles, Element(c)
    steps, expected = [], []  # step: row, column, subtract, mute, enable, last, load
    for words in (1, 2, 5, 1, 3):
        sums = [0] * tiles
        for word in range(words):
            for tile in range(tiles):
                while rng.random() < 0.3:
                    steps.append((1, 2, 1, 0, 0, 0, 0))
                row, column = (int.from_bytes(rng.bytes(8), "little") for _ in range(2))
                subtract, mute = (int(rng.random() < 0.4) for _ in range(2))
                last = int(word == words - 1)
                zeros = (row ^ column).bit_count()
                sums[tile] += 0 if mute else -zeros if subtract else 64 - zeros
                steps.append((row, column, subtract, mute, 1, last, last << tile))
        expected.append((len(steps), sums))
    got = {}

    async def bench(ctx) -> None:
        signs: list[tuple] = [(0, 0)] * (POPCOUNT_LATENCY - 1)
        flags: list[tuple] = [(0, 0, 0)] * POPCOUNT_LATENCY
        idle = [(0, 0, 0, 0, 0, 0, 0)] * (POPCOUNT_LATENCY + 1)
        for cycle, (row, column, *rest) in enumerate([*steps, *idle]):
            signs.append(tuple(rest[:2]))
            flags.append(tuple(rest[2:]))
            subtract, mute = signs.pop(0)
            enable, last, load = flags.pop(0)
            for port, value in (
                (dut.row, row),
                (dut.column, column),
                (dut.subtract, subtract),
                (dut.mute, mute),
                (dut.enable, enable),
                (dut.last, last),
                (dut.load, load),
            ):
                ctx.set(port, value)
            got[cycle] = [ctx.get(dut.result[tile]) for tile in range(tiles)]
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    for after, sums in expected:
        # The group's last word goes in at cycle after - 1.
        assert got[after + POPCOUNT_LATENCY] == sums
