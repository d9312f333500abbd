"""A network grown from a shallower one computes what that one does, then learns."""

import pytest
import torch

from sw.data import normalise
from sw.model import BinaryViT, CheckpointError, from_checkpoint, save_checkpoint
from sw.train.recipe import Recipe
from sw.train.trainer import Trainer
from tests.sw.train.networks import CONFIG, quiet

DEEPER = CONFIG.with_(depths=(2, 3))
GROW = Recipe(epochs=1, batch=16, shift=1, grow=True)


@pytest.fixture
def small(tmp_path, data):
    """A trained network of one block a stage."""
    Trainer(CONFIG, Recipe(epochs=2, batch=16, shift=1), data, tmp_path / "small").run(quiet)
    return tmp_path / "small" / "model.safetensors"


def logits(model, data):
    """The model's logits of all pictures, in eval mode."""
    with torch.no_grad():
        return model.eval()(normalise(torch.from_numpy(data.images)))


def test_more_blocks_compute_the_same(tmp_path, data, small):
    grown = Trainer(DEEPER, GROW, data, tmp_path / "grown", init=small)
    before = from_checkpoint(small, CONFIG.heads, CONFIG.reduction)
    assert torch.equal(logits(grown.model, data), logits(before, data))
    new = grown.model.vit.encoder.layer[4]  # the last stage's third
    assert not new.output.layerscale.alpha.any()
    grown.model.train()
    grown.run(quiet)
    assert new.output.layerscale.alpha.all() and new.attention.output.layerscale.alpha.all()
    assert not torch.equal(logits(grown.model, data), logits(before, data))


def test_every_block_comes_from_its_own_stage(tmp_path, data, small):
    given = from_checkpoint(small, CONFIG.heads, CONFIG.reduction).vit.encoder.layer
    grown = Trainer(DEEPER, GROW, data, tmp_path / "grown", init=small).model.vit.encoder.layer
    for block, origin in ((0, 0), (2, 1)):
        for name, value in given[origin].state_dict().items():
            assert torch.equal(grown[block].state_dict()[name], value), (block, name)


def test_another_hidden_width_takes_the_leading_part(tmp_path, data, small):
    given = from_checkpoint(small, CONFIG.heads, CONFIG.reduction).vit.encoder.layer
    for hidden in ((8, 32), (8, 16)):
        sizes = CONFIG.with_(hidden=hidden)
        layer = Trainer(sizes, GROW, data, tmp_path / "other", init=small).model.vit.encoder.layer
        dense = layer[0].output.dense.weight
        assert torch.equal(dense, given[0].output.dense.weight[:, :8])
        wide = layer[1].intermediate.dense.weight
        assert len(wide) == hidden[1]
        assert torch.equal(wide[:16], given[1].intermediate.dense.weight)


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        (CONFIG.with_(channels=(8, 32), hidden=(16, 32)), r"channels is \(8, 16\), now"),
        (CONFIG.with_(patch=1), "patch is 2, now it is 1"),
        (DEEPER.with_(layer_scale=False), "layer_scale is True, now it is False"),
    ],
)
def test_what_cannot_grow(tmp_path, data, small, sizes, what):
    with pytest.raises(CheckpointError, match=rf"model\.safetensors: of another.*{what}"):
        Trainer(sizes, GROW, data, tmp_path / "grown", init=small)


def test_fewer_blocks_or_unknown_sizes_cannot_grow(tmp_path, data, small):
    deep = BinaryViT(DEEPER)
    save_checkpoint(deep, tmp_path / "deep.safetensors")
    with pytest.raises(CheckpointError, match=r"depths is \(2, 3\), now it is \(1, 1\)"):
        Trainer(CONFIG, GROW, data, tmp_path / "grown", init=tmp_path / "deep.safetensors")
    torch.save(deep.state_dict(), tmp_path / "deep.pt")
    with pytest.raises(CheckpointError, match="does not tell its sizes"):
        Trainer(DEEPER, GROW, data, tmp_path / "grown", init=tmp_path / "deep.pt")
    plain = CONFIG.with_(layer_scale=False)
    save_checkpoint(BinaryViT(plain), tmp_path / "plain.safetensors")
    with pytest.raises(CheckpointError, match="without layer_scale a new block cannot"):
        Trainer(plain.with_(depths=(2, 1)), GROW, data, tmp_path / "grown",
                init=tmp_path / "plain.safetensors")  # fmt: skip


def test_a_shallower_network_without_grow_is_refused_with_the_remedy(tmp_path, data, small):
    with pytest.raises(CheckpointError, match="--grow takes a network of fewer blocks"):
        Trainer(DEEPER, Recipe(batch=16, shift=1), data, tmp_path / "grown", init=small)
