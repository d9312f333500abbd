"""Blocks of the DeiT-style baseline: class token or not, with and without the paper's additions."""

from __future__ import annotations

import pytest
import torch

from hw.spec import find_configuration
from sim.block.compare import compare, describe
from sim.block.simulate import simulate
from sim.block.source import block_case
from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.quantise import quantise
from sw.compiler.schedule import schedule_block
from sw.compiler.schedule.image import block_image
from sw.data.synthetic import random_pictures
from sw.model import ModelConfig, random_binaryvit


@pytest.mark.parametrize(
    ("class_token", "branches", "scale"),
    [(True, False, False), (False, False, True), (False, True, False)],
)
def test_deit_block(class_token, branches, scale):
    config = ModelConfig(
        image=32, patch=4, channels=(192,), depths=(2,), reduction=(1,), heads=(3,),
        hidden=(768,), stem_norm=False, class_token=class_token, pooled_branches=branches,
        layer_scale=scale,
    )  # fmt: skip
    model, _ = random_binaryvit(0, config=config)
    pictures = torch.from_numpy(random_pictures(1, 16, config.image))
    packed = quantise(fold(load(model)), pictures).packed
    case = block_case(packed, 1, 1, random_pictures(2, 1, config.image)[0])
    assert case.x.shape == (64 + class_token, 192)
    image = block_image(packed, 1, 1)
    program = schedule_block(image, find_configuration("7x16x64-l32"))
    run = simulate(program, image, case.x, stall="random")
    results = compare(case.golden, run.observation, case.fractions)
    wrong = [describe(r, r.name) for r in results if r.mismatches]
    assert not wrong, "\n".join(wrong)
    assert ("branch.h3" in case.golden) == branches
