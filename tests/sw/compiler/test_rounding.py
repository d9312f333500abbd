"""Weights of real layers, rounded where their operand hardly goes."""

import pytest
import torch

from hw.spec.image import MATRIX
from sw.compiler.calibrate import calibrate
from sw.compiler.matrix import integer_matrix
from sw.compiler.quantise import quantise
from sw.compiler.rounding import round_matrices
from tests.sw.conftest import compiled
from tests.sw.golden.random_model import pictures


def real_layers(network):
    return [layer for layer in network.layers.values() if layer.real]


def squared_error(weight, reference, moment):
    """Of a row's sum, over the operands of that second moment."""
    return (((weight - reference) @ moment) * (weight - reference)).sum(1)


def test_real_layers_err_less_than_by_rounding_to_nearest(network):
    """On the pictures that chose the integers, and on others."""
    model, folded, _, _ = network
    seen, unseen = (calibrate(folded, pictures(model.config, 24, seed)).moments for seed in (1, 2))
    rounded = round_matrices(folded, seen)
    assert seen.keys() == {layer.name for layer in real_layers(folded)}
    for layer in real_layers(folded):
        nearest = integer_matrix(layer, {layer.residual: 0})
        unit = layer.weight.abs().amax(1, keepdim=True) / MATRIX.high
        errors = {
            moments: [
                squared_error(weight, layer.weight, moment[layer.name]).sum()
                for weight in (rounded.layers[layer.name].weight, nearest.matrix * unit)
            ]
            for moments, moment in (("seen", seen), ("unseen", unseen))
        }
        assert errors["seen"][0] < 0.5 * errors["seen"][1], layer.name
        assert errors["unseen"][0] < 0.6 * errors["unseen"][1], layer.name


def test_rounded_weights_are_8_bit_integers_times_the_unit_and_stay_so(network):
    _, folded, _, images = network
    rounded = round_matrices(folded, calibrate(folded, images).moments)
    packed = quantise(rounded, images).packed
    for layer in real_layers(rounded):
        matrix = torch.from_numpy(packed.layer(layer.name).matrix).double()
        assert matrix.abs().max() <= MATRIX.high
        assert torch.allclose(matrix * layer.unit[:, None], layer.weight, rtol=1e-12, atol=0)
        assert (packed.layer(layer.name).inputs,) == layer.weight.shape[1:]


@pytest.mark.parametrize("rank", [0, 1])
def test_operands_that_say_little_keep_weights_near(rank):
    """No operand at all changes nothing; one direction leaves every weight within a few units."""
    _, folded, _, _ = compiled("pyramid")
    stem = folded.layers["stem"]
    moment = rank * torch.ones(stem.weight.shape[1], stem.weight.shape[1], dtype=torch.float64)
    rounded = round_matrices(folded, {"stem": moment}).layers["stem"]
    if not rank:
        assert rounded is stem
        return
    off = (rounded.weight - stem.weight).abs() / rounded.unit[:, None]
    assert off.max() < 8
    mean = (rounded.weight - stem.weight).sum(1).abs() / rounded.unit
    assert mean.mean() < 0.1, "along the direction that there is, hardly an error"
