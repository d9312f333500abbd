"""Folding changes nothing: the folded network's logits are the float model's."""

import pytest
import torch

from sw.compiler.calibrate import run_folded
from sw.compiler.errors import CompileError
from sw.compiler.fold import even_shift, flip_columns, fold, signs
from sw.compiler.load import load, load_state
from sw.compiler.packed import Preprocessing
from sw.model import ModelConfig
from tests.sw.golden.random_model import CONFIGS, normalised, pictures, random_model


def test_folded_logits_equal_the_float_models(network):
    model, folded, _, images = network
    with torch.no_grad():
        want = model(normalised(images))
    got = run_folded(folded, images, kind=torch.float64)
    assert (got - want).abs().max() <= 1e-6 * want.abs().max()


def test_bits_of_negative_norm_gains_are_inverted(network):
    _, folded, _, _ = network
    inverted = [int(t.inverted.sum()) for layer in folded.layers.values() for t in layer.thresholds]
    assert any(inverted)


def test_sign_of_zero_is_plus_one_and_the_scale_is_that_of_the_uncentred_weight():
    weight = torch.tensor([[1.0, 3.0, 2.0], [-1.0, -1.0, -1.0]], dtype=torch.float64)
    sign, scale = signs(weight, centred=True)
    assert sign.tolist() == [[-1, 1, 1], [1, 1, 1]] and scale.tolist() == [2, 1]
    assert signs(weight, centred=False)[0].tolist() == [[1, 1, 1], [-1, -1, -1]]


def test_flipped_columns_tile_over_kernel_positions():
    mask = torch.tensor([True, False])
    assert flip_columns(torch.ones(1, 6), mask).tolist() == [[-1, 1, -1, 1, -1, 1]]


@pytest.mark.parametrize(("window", "shift"), [(1, 0), (4, 2), (9, 4), (16, 4), (49, 6), (64, 6)])
def test_even_shift_never_lets_a_mean_grow(window, shift):
    assert even_shift(window) == shift and 2**shift >= window


@pytest.mark.parametrize(("m", "factor"), [(1, 1), (3, 4 / 3), (5, 8 / 5), (16, 1), (64, 1)])
def test_the_rest_of_a_mean_of_channels_is_the_ffns_residual_gain(m, factor):
    config = ModelConfig(
        image=8, patch=2, channels=(32,), depths=(1,), reduction=(1,), heads=(1,), hidden=(32 * m,)
    )
    model = random_model(config)
    folded, images = fold(load(model)), pictures(config, 4, 1)
    assert folded.layers["stage1.block0.ffn"].residual_gain.tolist() == [factor] * 32
    with torch.no_grad():
        want = model(normalised(images))
    got = run_folded(folded, images, kind=torch.float64)
    assert (got - want).abs().max() <= 1e-6 * want.abs().max()


def test_missing_tensor_is_named():
    model = random_model(CONFIGS["class_token"])
    network = load(model)
    state = model.state_dict()
    del state["vit.layernorm.weight"]
    with pytest.raises(CompileError, match=r"vit\.layernorm\.weight"):
        load_state(state, network.shape, Preprocessing(16, 16))
