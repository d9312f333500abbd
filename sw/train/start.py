"""How a model begins: clips, and what is taken from a run in real numbers."""

from pathlib import Path

import torch

from sw.model import BinaryViT, CheckpointError
from sw.model.checkpoint import load_state, read_state

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
def start_from(model: BinaryViT, checkpoint: Path, fresh_stem: bool) -> None:
    """Take the weights of another run, all or all but the first patch embedding.

    Raises
    ------
    CheckpointError
        If the file is no checkpoint, or one of another architecture: names the first difference.
    """
    state = read_state(checkpoint)
    if fresh_stem:
        own = {name: value for name, value in model.state_dict().items() if name.startswith(STEM)}
        state = {name: value for name, value in state.items() if not name.startswith(STEM)} | own
    try:
        load_state(model, state)
    except CheckpointError as error:
        raise CheckpointError(
            f"{checkpoint}: of another architecture than this run: {error}"
        ) from None
