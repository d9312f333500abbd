"""Whole networks through the RTL, pixels to logits: every tensor against golden."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.quantise import quantise
from sw.driver import Accelerator
from sw.golden import run
from sw.model import ModelConfig
from tests.sw.conftest import compiled
from tests.sw.golden.random_model import CONFIGS, pictures, random_model

CONFIGURATIONS = ("3x4x64-l8", "7x4x64-l8", "4x8x64-l16")
"""The configurations whose simulators are built once and kept."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_models_may_be_swapped_between_pictures(name):
    with Accelerator.open("sim", name) as accelerator:
        for model in (*CONFIGS, *CONFIGS):
            _, _, quantised, images = compiled(model)
            packed = quantised.packed
            accelerator.load(packed)
            logits = accelerator.run(images.numpy())
            assert np.array_equal(logits, run(packed, images).numpy()), model
            assert len(np.unique(logits, axis=0)) == len(images)
            assert len(set(accelerator.cycles)) == 1, "cycles depend on no value"


@st.composite
def model_configs(draw) -> ModelConfig:
    """Networks of one or two stages that every configuration holds."""
    stages = draw(st.integers(1, 2))
    class_token = stages == 1 and draw(st.booleans())
    channels = [draw(st.sampled_from([32, 64]))]
    if stages == 2:
        channels.append(channels[0] * draw(st.integers(1, 2)))
    ratios = [draw(st.sampled_from([1, 2, 3, 4])) for _ in channels]
    patch = draw(st.sampled_from([2, 3, 4]))
    return ModelConfig(
        image=patch * draw(st.sampled_from([2, 4, 6])),
        patch=patch,
        classes=draw(st.sampled_from([3, 10, 40])),
        channels=tuple(channels),
        depths=tuple(draw(st.integers(1, 2)) for _ in channels),
        reduction=(1 if class_token else draw(st.sampled_from([1, 2])),) + (1,) * (stages - 1),
        heads=tuple(draw(st.sampled_from([1, 2, 4])) for _ in channels),
        hidden=tuple(c * ratio for c, ratio in zip(channels, ratios, strict=True)),
        embedding=draw(st.sampled_from(["binary", "real"])),
        class_token=class_token,
        pooled_branches=not class_token and draw(st.booleans()),
        layer_scale=draw(st.booleans()),
        stem_norm=draw(st.booleans()),
    )


@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(model_configs(), st.sampled_from(CONFIGURATIONS), st.integers(0, 2**16))
def test_any_network(tmp_path_factory, config, name, seed):
    images = pictures(config, 8, seed)
    packed = quantise(fold(load(random_model(config, seed))), images).packed
    trace: dict[str, torch.Tensor] = {}
    run(packed, images[:1], trace)
    with Accelerator.open("sim", name, trace=tmp_path_factory.mktemp("trace")) as accelerator:
        accelerator.load(packed)
        shown = accelerator.trace(images[0].numpy())
    assert set(shown) >= {"stem", "stage1.block0.x2", "head.mean", "logits"}
    for tensor, values in shown.items():
        assert not np.ma.getmaskarray(values).any(), tensor
        expected = trace[tensor][0].numpy().reshape(values.shape)
        assert np.array_equal(values.data, expected), tensor
