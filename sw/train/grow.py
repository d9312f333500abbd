"""A network that starts as a shallower one: trained blocks stay, new ones begin as identities.

Source: Chen, Goodfellow, Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", ICLR
2016 (its deeper networks).
"""

import re

import torch

from sw.model import BinaryViT, CheckpointError, ModelConfig
from sw.model.infer import State

BLOCK = re.compile(r"vit\.encoder\.layer\.(\d+)\.")
"""What the name of a block's tensor begins with; blocks are numbered through all stages."""
MAY_DIFFER = ("depths", "hidden", "heads")
"""Sizes that the smaller network need not share."""


@torch.no_grad()
def grow(model: BinaryViT, state: State, sizes: ModelConfig | None) -> State:
    """What ``model`` takes of a network of other depths and hidden widths.

    Block j of a stage comes from block j of that stage; a block that the smaller network lacks is
    as it is in ``model``, but adds nothing: its affine maps before the residuals are zero, and
    learn.  With the same hidden widths the result therefore computes what the smaller network
    does.  Of another hidden width the leading part is taken, the rest is the model's own.

    Parameters
    ----------
    model : BinaryViT
        Just initialised; it is not changed.
    state : dict of tensors
        The smaller network's.
    sizes : ModelConfig or None
        Its sizes.

    Raises
    ------
    CheckpointError
        If the sizes are unknown, others than depths, hidden widths and heads differ, a stage has
        more blocks than the model's, or the model has no affine maps to silence new blocks with.
    """
    _check(model.config, sizes)
    own, grown = model.state_dict(), {}
    origin = _origins(sizes.depths, model.config.depths)
    for name, value in own.items():
        block = BLOCK.match(name)
        source = origin[int(block[1])] if block else None
        if block and source is None:
            grown[name] = torch.zeros_like(value) if "layerscale" in name else value
            continue
        given = f"vit.encoder.layer.{source}.{name[block.end() :]}" if block else name
        if given not in state:  # load_state tells of it
            continue
        grown[name] = _leading(value, state[given])
    return grown


def _check(wanted: ModelConfig, sizes: ModelConfig | None) -> None:
    if sizes is None:
        raise CheckpointError("does not tell its sizes; only files of this trainer can grow")
    for name, value in wanted.to_dict().items():
        if name not in MAY_DIFFER and sizes.to_dict()[name] != value:
            raise CheckpointError(
                f"{name} is {sizes.to_dict()[name]}, now it is {value}; only "
                f"{', '.join(MAY_DIFFER)} may differ"
            )
    if any(few > many for few, many in zip(sizes.depths, wanted.depths, strict=True)):
        raise CheckpointError(f"depths is {sizes.depths}, now it is {wanted.depths}; give no less")
    if sizes.depths != wanted.depths and not wanted.layer_scale:
        raise CheckpointError("without layer_scale a new block cannot begin as an identity")


def _origins(few: tuple[int, ...], many: tuple[int, ...]) -> list[int | None]:
    """For every block of the deeper network the shallower one's, None for a new one."""
    origins, first = [], 0
    for there, here in zip(few, many, strict=True):
        origins += [first + block if block < there else None for block in range(here)]
        first += there
    return origins


def _leading(own: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """``own`` with as much of ``given`` as both have."""
    if own.shape == given.shape or own.ndim != given.ndim:
        return given
    common = tuple(slice(min(pair)) for pair in zip(own.shape, given.shape, strict=True))
    taken = own.clone()
    taken[common] = given[common].to(own.dtype)
    return taken
