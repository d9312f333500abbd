"""Integers: thresholds exact at the value and one either side, tables, scales, inversions."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from hw.spec.numerics import EXP, PARAMETER, VALUE
from sw.compiler.attention import clip_scale, exp_table
from sw.compiler.bits import pack_bits, unpack_bits
from sw.compiler.fold import threshold
from sw.compiler.quantise import integer_threshold


@pytest.mark.parametrize("fraction", [-2, 0, 9, 15])
@pytest.mark.parametrize("sign", [1, -1, 0])
def test_threshold_is_the_models_decision_for_every_value(fraction, sign):
    generator = torch.Generator().manual_seed(fraction + 3)
    unit = 2.0**-fraction
    scale = sign * (0.1 + torch.rand(64, generator=generator, dtype=torch.float64))
    shift = 40000 * unit * torch.randn(64, generator=generator, dtype=torch.float64)
    shift[0] = 0.0
    shift[1] = -scale[1] * 5 * unit  # exactly at a value
    shift[2], shift[3] = 1e9, -1e9  # always, never
    t = threshold("bits", scale, shift)
    integer, inverted = integer_threshold(t, fraction)
    values = torch.arange(VALUE.low, VALUE.high + 1)
    model = t.scale * (values[:, None] * unit) + t.shift >= 0
    stored = values[:, None] >= torch.from_numpy(integer.astype("i4"))
    assert ((stored ^ inverted) == model).all()


def test_bits_round_trip_with_zero_padding():
    bits = np.random.default_rng(0).integers(0, 2, (5, 100)).astype(bool)
    words = pack_bits(bits)
    assert words.shape == (5, 2) and words.dtype == np.int64
    assert ((unpack_bits(words, 100) > 0) == bits).all()
    assert not (words[:, 1].view(np.uint64) >> np.uint64(36)).any()
    assert pack_bits(np.eye(65, dtype=bool))[64].view(np.uint64).tolist() == [0, 1]


@pytest.mark.parametrize("d", [8, 32, 64, 96, 128, 512])
def test_exp_table_holds_ratios_and_never_decreases(d):
    top = d if d <= 64 else d // 2 + 20
    table, base = exp_table(d, top, 64)
    assert table.shape == (64,) and (np.diff(table) >= 0).all() and table[-1] <= EXP.high
    pops = [pop for pop in range(base, min(top, base + 63) + 1) if table[pop - base] >= 1000]
    assert len(pops) >= 4 and base <= top <= base + 63
    for a, b in pairwise(pops):
        assert table[b - base] / table[a - base] == pytest.approx(
            math.exp(2 / math.sqrt(d)), rel=2e-3
        )
    if d <= 64:
        assert base == max(0, d - 63)
        assert abs(table[min(d // 2 - base, 63)] - 4096) <= 1


@pytest.mark.parametrize("c", [1e-9, 0.004, 0.005, 0.3, 1.0, 1.99999, 3.0])
def test_clip_scale_keeps_16_bits(c):
    scale, shift = clip_scale(c)
    assert 0 <= shift <= 63 and scale <= 65535
    assert scale * 2.0**-shift == pytest.approx(c / 2, rel=2**-15)


@pytest.mark.parametrize("c", [0.0, -0.5, float("nan"), 1e9])
def test_clips_that_allow_no_bit_give_none(c):
    assert clip_scale(c) == (65535, 0)


def test_every_parameter_uses_its_width(network):
    """Gains fill at least 10 bits somewhere in each layer; nothing leaves 16."""
    _, _, quantised, _ = network
    for layer in quantised.packed.layers.values():
        for field, array in layer.parameters.items():
            assert array.dtype == np.int16, (layer.name, field)
        if "gain" in layer.parameters:
            assert np.abs(layer.parameters["gain"].astype(int)).max() >= 512, layer.name
        for value in layer.constants.values():
            assert PARAMETER.low <= value <= PARAMETER.high


def test_attention_never_sees_an_inverted_bit(network):
    _, _, quantised, _ = network
    for name, mask in quantised.inverted.items():
        if name.rsplit(".", 1)[1] in ("q_bits", "k_bits", "v_bits"):
            assert not mask.any(), name
