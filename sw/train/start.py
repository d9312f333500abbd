"""How a model begins: clips, and what is taken from a run in real numbers."""

from pathlib import Path

import torch

from sw.model import BinaryViT, CheckpointError, ModelConfig
from sw.model.checkpoint import load_state, read_state, saved_config
from sw.train.grow import grow
from sw.train.recipe import Recipe

STEM = "vit.embeddings.patch_embeddings."
"""Names of the first patch embedding."""


@torch.no_grad()
def start_clips(model: BinaryViT) -> None:
    """Start each attention clip at the mean probability, one over the number of keys.

    At the authors' start, 0.005, every bit of an attention over fewer than 100 keys or so is 1,
    and short training does not get away from there.
    """
    config, layers = model.config, iter(model.vit.encoder.layer)
    for stage, depth in enumerate(config.depths):
        keys = config.tokens(stage) // config.reduction[stage] ** 2
        for _ in range(depth):
            next(layers).attention.attention.att_prob_clip.fill_(1 / keys)


@torch.no_grad()
def refresh_stem(model: BinaryViT) -> None:
    """Start the first patch embedding at random, as the paper does between its two steps."""
    projection = model.vit.embeddings.patch_embeddings.projection
    torch.nn.init.trunc_normal_(projection.weight, std=0.02)
    torch.nn.init.zeros_(projection.bias)


@torch.no_grad()
def start_from(model: BinaryViT, checkpoint: Path, recipe: Recipe) -> None:
    """Take the weights of another run, as ``recipe.fresh_stem`` and ``recipe.grow`` say.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint, or one of another architecture: names the first difference.
    """
    state, saved = read_state(checkpoint), saved_config(checkpoint)
    try:
        if recipe.grow:
            state = grow(model, state, saved)
        elif saved is not None:
            _check_unseen(model.config, saved)
        if recipe.fresh_stem:
            own = model.state_dict()
            state |= {name: value for name, value in own.items() if name.startswith(STEM)}
        load_state(model, state)
    except CheckpointError as error:
        hint = "" if recipe.grow else "; --grow takes a network of fewer blocks"
        raise CheckpointError(
            f"{checkpoint}: of another architecture than this run: {error}{hint}"
        ) from None


def _check_unseen(wanted: ModelConfig, saved: ModelConfig) -> None:
    """Refuse other sizes that leave no trace in the tensors' shapes."""
    for name in ("heads", "reduction"):
        then, now = getattr(saved, name), getattr(wanted, name)
        if then != now:
            raise CheckpointError(f"{name} is {then}, now it is {now}")
