"""Programs against golden: every block shape, in program order and in any order the waits allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from hw.spec import CONFIGURATIONS, find_configuration
from sw.compiler.schedule import ScheduleError, schedule_block
from sw.compiler.schedule.image import block_image
from sw.golden.block import run_block
from sw.golden.machine import Machine
from tests.random_block import random_block, random_values
from tests.sw.compiler.any_order import WAITS, run_in_any_order

PAPER = {
    1: (56, 64, 512, 1, 8),
    2: (28, 128, 1024, 2, 4),
    3: (14, 256, 1024, 4, 1),
    4: (7, 512, 2048, 8, 1),
}
"""side, C, I, heads, r of the paper's stages at 224x224."""
BOUNDS = {1: 85.0, 2: 50.1, 3: 24.4, 4: 22.5}
"""Thousand cycles a block at 7168 MAC/cycle and 32 lanes."""


def prepare(shape, configuration, *, seed=0, branches=True):
    """Golden's x2, the program, and external memory with x in it."""
    packed = random_block(*shape, seed=seed, branches=branches)
    x = random_values(shape[0], shape[1], seed)
    expected = run_block(packed, 1, 0, torch.from_numpy(x)).numpy()
    program = schedule_block(block_image(packed, 1, 0), configuration)
    external = program.memory.copy()
    beats = np.ascontiguousarray(x).view(np.uint64).reshape(-1, 2)
    external[program.x_address : program.x_address + len(beats)] = beats
    return expected, program, external


def result(machine, program, external, shape):
    """x2 where the program leaves it."""
    if program.result_address is not None:
        count = shape[0] * shape[1] // 8
        beats = external[program.result_address : program.result_address + count]
        return np.ascontiguousarray(beats).view(np.int16).reshape(shape)
    buffer = next(o for o in program.operations if o.layer == "pass").accesses[1].buffer
    return machine.x[buffer.base : buffer.base + buffer.words].reshape(shape)


def check_in_order(shape, configuration, **options):
    expected, program, external = prepare(shape, configuration, **options)
    machine = Machine(configuration, external)
    machine.run(program.preload)
    machine.run(program.words)
    np.testing.assert_array_equal(result(machine, program, external, expected.shape), expected)


@pytest.mark.parametrize(
    ("stage", "name"), [*((stage, "7x16x64-l32") for stage in PAPER), (4, "7x4x64-l8")]
)
def test_the_papers_blocks_fit_and_are_right(stage, name):
    check_in_order(PAPER[stage], find_configuration(name))


@pytest.mark.parametrize("stage", PAPER)
def test_bounds_are_those_of_the_paper_s_shapes(stage):
    configuration = find_configuration("7x16x64-l32")
    packed = random_block(*PAPER[stage])
    program = schedule_block(block_image(packed, 1, 0), configuration)
    bound = sum(program.bound(operation) for operation in program.operations)
    assert bound / 1000 == pytest.approx(BOUNDS[stage], rel=0.01)


@pytest.mark.parametrize("branches", [True, False])
@pytest.mark.parametrize(
    ("shape", "small", "plan"),
    [
        ((6, 32, 2048, 1, 2), {}, "resident"),
        ((6, 32, 96, 1, 1), {}, "resident"),
        ((6, 512, 1536, 8, 2), {"column_words": 512}, "resident"),
        ((24, 32, 96, 1, 4), {"x_words": 1024}, "streaming"),
    ],
)
def test_channels_pooled_by_any_ratio(shape, small, plan, branches):
    configuration = replace(find_configuration("4x8x64-l16"), **small)
    expected, program, external = prepare(shape, configuration, branches=branches)
    assert (program.result_address is not None) == (plan == "streaming")
    machine = Machine(configuration, external)
    machine.run(program.preload)
    machine.run(program.words)
    np.testing.assert_array_equal(result(machine, program, external, expected.shape), expected)


SHAPES = st.tuples(
    st.integers(1, 9),
    st.sampled_from([32, 64, 96, 128, 160]),
    st.sampled_from([1, 2, 3, 4, 5, 8, 16]),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 3, 4]),
)


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(SHAPES, st.sampled_from(sorted(CONFIGURATIONS)), st.integers(0, 2**16), st.booleans())
def test_any_block_shape(sizes, name, seed, branches):
    grid, channels, ratio, heads, reduction = sizes
    side = grid * reduction if grid * reduction <= 16 else reduction
    try:
        check_in_order(
            (side, channels, ratio * channels, heads, reduction),
            find_configuration(name),
            seed=seed,
            branches=branches,
        )
    except ScheduleError as error:
        # The widest shapes exceed the narrowest configurations; too many would fail the test.
        assert "memory" in str(error) or "255 words" in str(error)
        reject()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(8, 64, 256, 2, 4), (6, 96, 192, 3, 1), (16, 64, 256, 1, 4)])
def test_waits_cover_every_hazard_between_engines(shape, seed):
    configuration = find_configuration("4x8x64-l16")
    expected, program, external = prepare(shape, configuration, seed=seed)
    machine = Machine(configuration, external)
    machine.run(program.preload)
    run_in_any_order(machine, program.words, seed)
    np.testing.assert_array_equal(result(machine, program, external, expected.shape), expected)


def test_a_missing_wait_is_noticed():
    """The order test can fail: without waits some order computes something else."""
    configuration = find_configuration("4x8x64-l16")
    wrong = 0
    for seed in range(4):
        expected, program, external = prepare((8, 64, 256, 2, 4), configuration, seed=seed)
        machine = Machine(configuration, external)
        machine.run(program.preload)
        run_in_any_order(machine, [word & ~WAITS for word in program.words], seed)
        wrong += not np.array_equal(result(machine, program, external, expected.shape), expected)
    assert wrong


def test_more_groups_than_a_command_can_step_over_are_refused():
    packed = random_block(4, 1024, 2048, 8, 1)
    with pytest.raises(ScheduleError, match=r"channels=1024 are more than 127 groups of 8 lanes"):
        schedule_block(block_image(packed, 1, 0), find_configuration("3x4x64-l8"))


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((64, 64, 64, 1, 1), "score memory"),
        ((16, 512, 2048, 8, 1), "x memory"),
        ((4, 32, 8160, 1, 1), "hidden=8160 is more than 255 words of 16 lanes, .* more lanes"),
    ],
)
def test_what_does_not_fit_names_the_memory(shape, text):
    packed = random_block(*shape)
    with pytest.raises(ScheduleError, match=text):
        schedule_block(block_image(packed, 1, 0), find_configuration("4x8x64-l16"))
