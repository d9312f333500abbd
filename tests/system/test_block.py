"""A whole block through the RTL, every tensor against golden: shapes, configurations, stalls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from hw.spec import find_configuration
from hw.spec.commands import FETCH_AHEAD_BEATS
from sim.block.compare import compare, inject
from sim.block.simulate import simulate
from sw.compiler.schedule import schedule_block
from sw.compiler.schedule.block import LANE_POOLS, TOKEN_WORDS
from sw.compiler.schedule.image import block_image
from tests.random_block import assert_equal, golden_tensors, random_block, random_values

CONFIGURATIONS = ("3x4x64-l8", "2x8x64-l8", "4x8x64-l16", "7x16x64-l32")
"""The configurations whose simulators are built once and kept."""


def golden_and_run(shape, name, *, seed=0, stall="none", branches=True):
    """Golden's tensors and what the RTL showed."""
    packed = random_block(*shape, seed=seed, branches=branches)
    x = random_values(shape[0], shape[1], seed)
    image = block_image(packed, 1, 0)
    program = schedule_block(image, find_configuration(name))
    return golden_tensors(packed, x), program, simulate(program, image, x, stall=stall, seed=seed)


@pytest.mark.parametrize("stall", ["none", "source", "sink", "random"])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_stalls_change_no_tensor(name, stall):
    golden, _, run = golden_and_run((6, 64, 128, 2, 2), name, seed=3, stall=stall)
    assert_equal(golden, run)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ((4, 32, 32, 8, 1), "3x4x64-l8"),  # heads of 4 channels, narrower than a lane group
        ((3, 96, 192, 2, 3), "3x4x64-l8"),  # heads of 48 channels, one key, windows of 3 x 3
        ((5, 96, 384, 1, 1), "4x8x64-l16"),  # a head of 96 channels, wider than the exp table
        ((1, 64, 64, 1, 1), "2x8x64-l8"),  # one token, no channel pooling
        ((4, 64, 192, 2, 2), "3x4x64-l8"),  # channel pooling of 3
        ((3, 32, 2048, 1, 1), "4x8x64-l16"),  # of 64
        ((8, 64, 512, 1, 8), "7x16x64-l32"),  # the paper's stage 1 ratios
        ((14, 64, 256, 1, 2), "7x16x64-l32"),  # several chunks of tokens
        ((7, 128, 512, 4, 1), "7x16x64-l32"),
    ],
)
def test_shapes(shape, name):
    golden, _, run = golden_and_run(shape, name)
    assert_equal(golden, run)


def test_a_block_larger_than_x_memory_streams():
    golden, program, run = golden_and_run((32, 64, 64, 1, 8), "4x8x64-l16", stall="source")
    assert program.result_address is not None
    assert_equal(golden, run)
    assert run.registers["store_beats"] == golden["x2"].size // 8


SHAPES = st.tuples(
    st.integers(1, 5),
    st.sampled_from([32, 64, 96, 128]),
    st.sampled_from([1, 2, 3, 4, 6, 8, 16]),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 3, 4]),
)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    SHAPES,
    st.sampled_from(CONFIGURATIONS),
    st.sampled_from(["none", "random"]),
    st.integers(0, 2**16),
    st.booleans(),
)
def test_any_block(sizes, name, stall, seed, branches):
    grid, channels, ratio, heads, reduction = sizes
    words = ratio * channels // find_configuration(name).lanes
    assume(ratio in LANE_POOLS or words <= TOKEN_WORDS)  # the rest is refused
    side = grid * reduction if grid * reduction <= 10 else reduction
    golden, _, run = golden_and_run(
        (side, channels, ratio * channels, heads, reduction),
        name,
        seed=seed,
        stall=stall,
        branches=branches,
    )
    assert_equal(golden, run)


def test_a_flipped_bit_of_golden_is_found():
    golden, _, run = golden_and_run((6, 64, 128, 2, 2), "3x4x64-l8", seed=3)
    index = inject(golden, "ffn.hidden", seed=5)
    wrong = [r for r in compare(golden, run.observation, {}) if r.mismatches]
    assert [r.name for r in wrong] == ["ffn.hidden"]
    assert wrong[0].first.index == index
    assert wrong[0].first.expected == wrong[0].first.got ^ 1


def test_an_unseen_element_is_a_mismatch():
    golden, _, run = golden_and_run((6, 64, 128, 2, 2), "3x4x64-l8", seed=3)
    run.observation.seen["x1"][2, 7] = False
    (wrong,) = [r for r in compare(golden, run.observation, {}) if r.mismatches]
    assert (wrong.name, wrong.mismatches, wrong.first.got) == ("x1", 1, None)


def test_cycles_are_counted_from_the_last_completion():
    _, program, run = golden_and_run((6, 64, 128, 2, 2), "4x8x64-l16", seed=3)
    last = max(cycle for cycle, _, _ in run.completions)
    # Command fetch reads ahead: its last beats come back before the run is done.
    assert 0 <= run.cycles - last <= FETCH_AHEAD_BEATS + 20
    assert len(run.completions) == len(program.operations)
    counts = np.bincount([engine for _, engine, _ in run.completions], minlength=5)
    assert counts.sum() == len(program.operations)
