"""Reading and writing checkpoints: round trips and one-line errors."""

import argparse

import pytest
import torch

from sw.data import normalise, random_pictures
from sw.model import (
    BinaryViT,
    CheckpointError,
    exact_zeros,
    from_checkpoint,
    random_binaryvit,
    save_checkpoint,
    saved_config,
)
from tests.sw.model.configs import CONFIGS, TINY


@pytest.fixture(scope="module")
def state():
    return random_binaryvit(2, config=TINY)[0].state_dict()


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_round_trip(tmp_path, name, wrapped):
    config = CONFIGS[name]
    model, _ = random_binaryvit(4, config=config)
    if wrapped:
        path = tmp_path / "checkpoint.pth"
        args = argparse.Namespace(lr=0.1, model="small")
        torch.save({"model": model.state_dict(), "epoch": 3, "args": args}, path)
    else:
        path = tmp_path / "model.safetensors"
        save_checkpoint(model, path)
    read = from_checkpoint(path, heads=config.heads, reduction=config.reduction)
    assert read.config == config and not read.training
    assert saved_config(path) == (None if wrapped else config)
    x = normalise(torch.from_numpy(random_pictures(0, 2, config.image)))
    with torch.no_grad():
        assert torch.equal(read(x), model(x))


def test_bare_torch_file_and_odd_vector_shapes(tmp_path, state):
    state = dict(state)
    for name in list(state):
        if name.endswith(("moveq", "rprelu.move1")):
            state[name] = state[name].reshape(1, 1, -1)
        if name.endswith("att_prob_clip"):
            state[name] = state[name].reshape(1)
        if name.endswith("num_batches_tracked"):
            del state[name]
    torch.save(state, tmp_path / "bare.pt")
    read = from_checkpoint(tmp_path / "bare.pt", [2, 2], [2, 1])
    assert read.vit.encoder.layer[0].attention.attention.moveq.shape == (8,)


def test_depths_tell_like_stages_apart(tmp_path):
    config = TINY.with_(
        channels=(8, 8), hidden=(16, 16), reduction=(2, 2), depths=(1, 2), heads=(2, 2)
    )
    save_checkpoint(BinaryViT(config), tmp_path / "like.safetensors")
    with pytest.raises(CheckpointError, match="give depths"):
        from_checkpoint(tmp_path / "like.safetensors", [2, 2], [2, 2])
    assert from_checkpoint(tmp_path / "like.safetensors", [2, 2], [2, 2], [1, 2]).config == config
    with pytest.raises(CheckpointError, match="has 3 blocks"):
        from_checkpoint(tmp_path / "like.safetensors", [2, 2], [2, 2], [1, 1])


def test_a_training_checkpoint_with_all_its_entries(tmp_path):
    """The authors' training code saves its optimiser, schedule and arguments beside the model."""
    model = random_binaryvit(2, config=TINY)[0].train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.0)
    model(torch.randn(2, 16, 16, 3)).sum().backward()
    optimiser.step()
    content = {
        "model": model.state_dict(),
        "optimizer": optimiser.state_dict(),
        "lr_scheduler": {"base_values": [5e-4], "t_in_epochs": True, "noise_range_t": None},
        "epoch": 3,
        "scaler": {"scale": 65536.0, "_growth_tracker": 7},
        "args": argparse.Namespace(opt_betas=None, distributed=True, gpu=0),
        "model_ema": model.state_dict(),
    }
    torch.save(content, tmp_path / "checkpoint.pth")
    read = from_checkpoint(tmp_path / "checkpoint.pth", [2, 2], [2, 1])
    for name, value in model.state_dict().items():
        assert torch.equal(read.state_dict()[name], value)


@pytest.mark.parametrize("size", ["3", "5"])
def test_branches_of_one_length_are_enough(tmp_path, size):
    """The authors switch the branches of length 3 and of length 5 on separately."""
    model, _ = random_binaryvit(2, config=TINY)
    state = model.state_dict()
    absent = [n for n in state if f"layerscale_h{size}." in n or f"layerscale_w{size}." in n]
    for name in absent:
        state[name].zero_()
    path, x = tmp_path / "model.pt", torch.randn(2, 16, 16, 3)
    torch.save({n: v for n, v in state.items() if n not in absent}, path)
    with torch.no_grad():
        assert torch.equal(from_checkpoint(path, [2, 2], [2, 1])(x), model(x))
    for remaining in (f"layer.0.layerscale_h{size}.alpha", f"layer.1.layerscale_w{size}.move"):
        kept = {n: v for n, v in state.items() if n not in absent or n.endswith(remaining)}
        torch.save(kept, path)
        with pytest.raises(CheckpointError, match=f"missing key .*layerscale_[hw]{size}"):
            from_checkpoint(path, [2, 2], [2, 1])


def _change(state, name, value):
    return {**state, name: value}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: {k: v for k, v in s.items() if k != "classifier.bias"}, "missing key classif"),
        (lambda s: {k: v for k, v in s.items() if "projection" not in k}, "missing key vit.emb"),
        (lambda s: {k: v for k, v in s.items() if "layer.1." not in k}, "missing key .*layer.1"),
        (lambda s: _change(s, "vit.surplus", torch.zeros(1)), "unexpected key vit.surplus"),
        (lambda s: _change(s, "vit.layernorm.bias", torch.zeros(5)), r"shape \[5\]; expected"),
        (
            lambda s: _change(s, "vit.layernorm.weight", torch.full((16,), float("nan"))),
            "vit.layernorm.weight holds NaN",
        ),
        (
            lambda s: _change(s, "vit.embeddings.position_embeddings", torch.zeros(1, 63, 8)),
            "63 patch tokens; they must form a square",
        ),
        (
            lambda s: {k: v for k, v in s.items() if "running" not in k},
            "missing key vit.layernorm.running_mean: its norms are layer norms",
        ),
        (lambda s: _change(s, "classifier.weight", torch.zeros(48)), "must have 2 axes"),
        (lambda s: _change(s, "note", "text"), "note is a str, not a tensor"),
        (lambda s: {}, "not a checkpoint"),
        (lambda s: [1, 2], "it holds a list"),
    ],
)
def test_errors_name_the_key(tmp_path, state, damage, message):
    torch.save(damage(dict(state)), tmp_path / "damaged.pt")
    with pytest.raises(CheckpointError, match=message) as caught:
        from_checkpoint(tmp_path / "damaged.pt", [2, 2], [2, 1])
    assert "\n" not in str(caught.value) and "damaged.pt" in str(caught.value)


@pytest.mark.parametrize(
    ("heads", "reduction", "message"),
    [
        ([2], [2, 1], r"heads=\[2\] has 1 entries; the checkpoint has 2 stage"),
        ([2, 2], [2, 1, 1], "reduction=.* has 3 entries"),
        ([3, 2], [2, 1], "3 does not divide the 8 channels"),
        ([2, 2], [3, 1], "3 does not divide the 8x8 grid"),
        ([2, 2], [1, 1], "unexpected key .*mover"),
        ([2, 2], [2, 2], "missing key .*mover"),
    ],
)
def test_wrong_heads_and_reduction(tmp_path, state, heads, reduction, message):
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=message):
        from_checkpoint(tmp_path / "model.pt", heads, reduction)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", None])
def test_files_that_are_no_checkpoints(tmp_path, state, suffix, content):
    path = tmp_path / f"bad{suffix}"
    if content is None:  # truncated
        model, _ = random_binaryvit(2, config=TINY)
        if suffix == ".pt":
            torch.save(model.state_dict(), path)
        else:
            save_checkpoint(model, path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        from_checkpoint(path, [2, 2], [2, 1])
    assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match="no such file"):
        from_checkpoint(tmp_path / "absent.pt", [2, 2], [2, 1])


def test_real_weights_are_refused(tmp_path, state):
    content = {"model": state, "args": argparse.Namespace(weight_bits=32, input_bits=1)}
    torch.save(content, tmp_path / "real.pt")
    with pytest.raises(CheckpointError, match="weight_bits=32; they must be 1"):
        from_checkpoint(tmp_path / "real.pt", [2, 2], [2, 1])


class Stranger:
    """A class that a checkpoint must not be able to bring in."""


def test_unknown_classes_are_refused(tmp_path, state):
    torch.save({"model": state, "args": Stranger()}, tmp_path / "strange.pt")
    with pytest.raises(CheckpointError, match=r"objects besides tensors"):
        from_checkpoint(tmp_path / "strange.pt", [2, 2], [2, 1])


def test_exact_zeros_are_counted():
    model, _ = random_binaryvit(2, config=TINY)
    assert exact_zeros(model) == {}
    model.vit.encoder.patch_embed1.proj.weight.data[0, 0, 0, 0] = 0
    model.vit.encoder.layer[0].intermediate.dense.weight.data[1] = 0.5
    assert exact_zeros(model) == {
        "vit.encoder.layer.0.intermediate.dense.weight": 8,
        "vit.encoder.patch_embed1.proj.weight": 1,
    }
