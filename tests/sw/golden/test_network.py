"""Whole networks: one answer whatever the batch, blocks alone equal blocks in place, traces."""

import pytest
import torch

from sw.compiler.packed import block_name
from sw.golden import RangeError, network, run, run_block
from sw.golden.saturation import measure_saturation
from tests.sw.golden.random_model import pictures


def test_logits_do_not_depend_on_the_batch(pyramid, monkeypatch):
    _, _, quantised, images = pyramid
    together = run(quantised.packed, images)
    monkeypatch.setattr(network, "CHUNK_ELEMENTS", 1)  # a picture a chunk, on several threads
    assert torch.equal(run(quantised.packed, images), together)
    assert torch.equal(run(quantised.packed, images[1:2]), together[1:2])


def test_an_empty_batch_has_no_logits(pyramid):
    packed = pyramid[2].packed
    assert run(packed, torch.zeros(0, 16, 16, 3, dtype=torch.uint8)).shape == (0, 10)


def test_a_block_alone_equals_the_block_in_place(network):
    _, _, quantised, images = network
    packed, whole = quantised.packed, {}
    run(packed, images, whole)
    for stage, block in packed.model.blocks():
        name, alone = block_name(stage, block), {}
        x2 = run_block(packed, stage, block, whole[f"{name}.x"][2], alone)
        assert torch.equal(x2, whole[f"{name}.x2"][2])
        assert alone and all(torch.equal(v, whole[k][2]) for k, v in alone.items())


def test_every_value_tensor_has_a_fraction(network):
    _, _, quantised, images = network
    trace = {}
    run(quantised.packed, images, trace)
    unit = ("scores", "context", "logits")
    for name, tensor in trace.items():
        if tensor.dtype != torch.bool and not name.endswith(unit):
            assert name in quantised.packed.fractions, name
    assert set(quantised.packed.fractions) <= set(trace)


def test_pictures_of_another_shape_are_refused(pyramid):
    with pytest.raises(ValueError, match=r"the model takes uint8 \(N, 16, 16, 3\)"):
        run(pyramid[2].packed, torch.zeros(1, 32, 32, 3, dtype=torch.uint8))


def test_an_x_beyond_the_format_is_refused(pyramid):
    with pytest.raises(RangeError, match=r"stage1\.block0\.x"):
        run_block(pyramid[2].packed, 1, 0, torch.full((64, 32), 40000))


def test_saturation_is_rare_on_other_pictures(network):
    model, _, quantised, _ = network
    counts = measure_saturation(quantised.packed, pictures(model.config, 8, 9))
    assert all(count.share < 0.01 for count in counts.values()), counts
