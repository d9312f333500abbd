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
from sw.compiler.quantise import integer_threshold, quantise
from tests.sw.conftest import compiled


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
        if "sum_shift" in layer.scalars:
            assert "gain" not in layer.parameters and not layer.scalars.get("gain_shift")
            assert np.abs(layer.full("residual_gain").astype(int)).max() >= 1024, layer.name
        for value in layer.constants.values():
            assert PARAMETER.low <= value <= PARAMETER.high


def real_layers(packed):
    """Stem and real embeddings."""
    return [layer for layer in packed.layers.values() if "sum_shift" in layer.scalars]


def test_no_operand_saturates_a_real_sum_and_no_bit_is_wasted(network):
    """The operands that make a row's sum greatest, at the ends of their 8 bits."""
    _, _, quantised, _ = network
    layers = real_layers(quantised.packed)
    assert len(layers) == 1 + (quantised.packed.model.embedding == "real")
    for layer in layers:
        rows = [row.astype(int).tolist() for row in layer.matrix]
        sums = [sum(-128 * w if w < 0 else 127 * w for w in row) for row in rows]
        sums += [sum(127 * w if w < 0 else -128 * w for w in row) for row in rows]
        shift, greatest = layer.scalars["sum_shift"], max(abs(s) for s in sums)
        assert round(greatest / 2**shift) <= VALUE.high
        assert round(greatest / 2 ** (shift - 1)) > VALUE.high, "one shift less would do"


def test_gains_of_real_layers_fit_however_narrow_the_pictures_are():
    """Grey pictures leave the pre-activation so small that its fraction must give way."""
    _, folded, quantised, images = compiled("mean")
    grey = torch.full_like(images, 128)
    packed = quantise(folded, grey)
    stem = packed.packed.layer("stem")
    assert 16384 <= np.abs(stem.full("residual_gain").astype(int)).max() <= PARAMETER.high
    assert packed.pre_fractions["stem"] > quantised.pre_fractions["stem"]


def test_attention_never_sees_an_inverted_bit(network):
    _, _, quantised, _ = network
    for name, mask in quantised.inverted.items():
        if name.rsplit(".", 1)[1] in ("q_bits", "k_bits", "v_bits"):
            assert not mask.any(), name
