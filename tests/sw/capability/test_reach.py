"""R: the published values come out of the rules, and the rules are the stated ones."""

from dataclasses import replace

import pytest

from sw.capability.reach import ARCHITECTURES, Step, binaryvit_walk, reach
from sw.model import BINARYVIT, ModelConfig


@pytest.mark.parametrize(
    ("name", "r"),
    [
        ("deit-s", 153_216),  # published
        ("resnet-34", 71_193_472),  # published
        ("resnet-18", 65_548_672),
        ("deit-ti", 125_568),
        ("deit-s-mean", 30_030_336),
    ],
)
def test_known_values(name, r):
    assert reach(ARCHITECTURES[name]())[-1] == r


def test_the_stem_alone():
    assert reach(ARCHITECTURES["resnet-34"]())[0] == 18_742  # 147 * 127.5, rounded down
    assert reach(ARCHITECTURES["deit-s"]())[0] == 97_920


def test_a_small_binaryvit_by_hand():
    config = ModelConfig(image=32, patch=2, channels=(64, 128), depths=(1, 1), reduction=(4, 1),
                         heads=(2, 4), hidden=(128, 256))  # fmt: skip
    value = 12 * 127.5
    value = (value + 5 * 64) * 17 + 2 * 128
    value = value * 4 + 4 * 64
    value = (value + 4 * 128) * 17 + 2 * 256
    assert reach(binaryvit_walk(config))[-1] == value * 64
    real = reach(binaryvit_walk(replace(config, embedding="real")))
    assert real[3] == real[2] * 4 * 64


def test_every_property_of_the_paper_raises_r():
    plain = replace(BINARYVIT, pooled_branches=False)
    assert reach(binaryvit_walk(BINARYVIT))[-1] > reach(binaryvit_walk(plain))[-1]
    assert reach(binaryvit_walk(plain))[-1] > reach(ARCHITECTURES["deit-s-mean"]())[-1]


def test_a_step_says_its_rule():
    assert Step("", 4, 256).rule == "* 4 + 256"
    assert Step("", addend=576, times=3).rule == "3 x (+ 576)"
    assert Step("").rule == "as before"
