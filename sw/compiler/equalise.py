"""Equalise: channels of a tensor share one fraction, so each is first scaled to use its bits.

A channel whose greatest value is 2**e times smaller than the tensor's is multiplied by 2**e where
it is made, and divided where it is read; every parameter that a channel meets is its own, so this
costs nothing and changes no result.  Exponents that layers must share:

- reduction, q, k, v and context (groups r, u, t of a block) take the least of the three, so
  that residual gains of 1 stay one constant of a command;
- the adjacent channels of f that are pooled into one take their least;
- the head's mean and normed operands meet 8-bit weights and stay as they are.

A pre-activation is scaled like what it becomes, or, behind a layer scale (its slopes differ by
channel anyhow), like its residual: either way what was constant for a command stays constant.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from sw.compiler.calibrate import Ranges
from sw.compiler.folded import FoldedBranch, FoldedLayer, FoldedNetwork, Threshold
from sw.compiler.scales import wanted_channels

GREATEST_EXPONENT = 7
"""Keeps a channel that is always nearly 0 from extreme parameters."""
KEPT = ("head.mean", ".n")
"""Ends of the names of groups that stay as they are."""

Exponents = dict[str, Tensor]


def equalise(network: FoldedNetwork, ranges: Ranges) -> tuple[FoldedNetwork, Exponents]:
    """The scaled network, and the exponents (channels,) by scale group.

    A value of the result is ``2**exponent`` times the network's.
    """
    exponents = _exponents(network, ranges)
    layers = {name: _layer(layer, exponents) for name, layer in network.layers.items()}
    branches = {
        name: _branch(branch, exponents[f"{name.split('.')[0]}.x"])
        for name, branch in network.branches.items()
    }
    return replace(network, layers=layers, branches=branches), exponents


def _exponents(network: FoldedNetwork, ranges: Ranges) -> Exponents:
    exponents = {}
    for group, wanted in wanted_channels(network, ranges).items():
        if group.endswith(KEPT) or not wanted.max() > 0:
            exponents[group] = torch.zeros_like(wanted)
            continue
        ratio = wanted.max() / wanted.clamp(min=wanted.max() * 2.0**-GREATEST_EXPONENT)
        exponent = torch.floor(torch.log2(ratio))
        if group.endswith(".f"):
            pooled = network.layers[f"{group[:-2]}.ffn"].outputs
            least = exponent.view(pooled, -1).amin(1)
            exponent = least.repeat_interleave(len(exponent) // pooled)
        exponents[group] = exponent
    for block in network.clips:
        shared = [group for group in (f"{block}.{g}" for g in "rut") if group in exponents]
        least = torch.stack([exponents[group] for group in shared]).amin(0)
        exponents.update({group: least for group in shared})
    return exponents


def _layer(layer: FoldedLayer, exponents: Exponents) -> FoldedLayer:
    out = 2.0 ** exponents[layer.target]
    thresholds = tuple(_threshold(t, out) for t in layer.thresholds)
    if layer.bias is None:
        return replace(layer, thresholds=thresholds)
    read = torch.ones_like(layer.bias)
    if layer.residual and not layer.real:
        read = _read(2.0 ** exponents[layer.residual], layer)
    constant = (layer.slope_positive == layer.slope_positive[0]).all()
    pre = out if constant else read
    return replace(
        layer,
        gain=None if layer.gain is None else layer.gain * pre,
        residual_gain=layer.residual_gain * pre / read,
        bias=layer.bias * pre,
        slope_positive=layer.slope_positive * out / pre,
        slope_negative=layer.slope_negative * out / pre,
        offset=layer.offset * out,
        thresholds=thresholds,
        position=None if layer.position is None else layer.position * out,
    )


def _read(residual: Tensor, layer: FoldedLayer) -> Tensor:
    """Scale of the residual by output: repeated as a whole, or pooled over adjacent channels."""
    if len(residual) > layer.outputs:
        return residual.view(layer.outputs, -1)[:, 0]
    return residual.repeat(layer.outputs // len(residual))


def _threshold(t: Threshold, scale: Tensor) -> Threshold:
    return replace(t, shift=t.shift * scale)


def _branch(branch: FoldedBranch, exponent: Tensor) -> FoldedBranch:
    scale = 2.0**exponent
    return replace(
        branch,
        constant={name: value * scale for name, value in branch.constant.items()},
        loss={name: value * scale for name, value in branch.loss.items()},
    )
