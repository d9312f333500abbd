"""Random models: deterministic, mixed attention bits, nothing trivial."""

import pytest
import torch

from sw.model import BINARYVIT, random_binaryvit
from sw.model.random_model import DENSITY
from tests.sw.model.configs import CONFIGS, TINY


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", CONFIGS)
def test_attention_bits_are_mixed(name, seed):
    config = CONFIGS[name]
    _, densities = random_binaryvit(seed, config=config)
    for stage, depth in enumerate(config.depths):
        for block in range(depth):
            shares = densities[f"stage{stage + 1}.block{block}"]
            assert len(shares) == config.heads[stage]
            assert DENSITY[0] <= min(shares) <= max(shares) <= DENSITY[1]


def test_the_papers_model_on_small_pictures_up_to_a_block():
    config = BINARYVIT.with_(image=64)
    model, densities = random_binaryvit(7, image=64, until=(2, 0))
    assert model.config == config
    assert list(densities) == [*(f"stage1.block{i}" for i in range(3)), "stage2.block0"]


def test_same_seed_same_model_and_until_is_a_prefix():
    first, densities = random_binaryvit(5, config=TINY)
    again, _ = random_binaryvit(5, config=TINY)
    other, _ = random_binaryvit(6, config=TINY)
    part, some = random_binaryvit(5, config=TINY, until=(2, 0))
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
        if any(key in name for key in ("embeddings", "patch_embed1", "layer.0.", "layer.1.")):
            assert torch.equal(value, part.state_dict()[name]), name
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert some == {name: densities[name] for name in some} and len(some) == 2


def test_no_parameter_is_trivial():
    model, _ = random_binaryvit(0, config=TINY)
    for name, value in model.named_parameters():
        assert value.all(), name
        if value.numel() > 4 and "clip" not in name and "patch_embed" not in name:
            assert value.unique().numel() > value.numel() // 2, name
    gains = torch.cat([v for n, v in model.named_parameters() if "norm" in n and "weight" in n])
    assert 0.1 < (gains < 0).float().mean() < 0.5
