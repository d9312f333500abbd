"""Rounding of real layers' weights (stem, real patch embeddings) against what they multiply.

Rounding each weight to the nearest integer spreads its error over all directions of the operand.
Pixels of a patch are nearly equal, so most directions hardly occur: the error belongs there.  With
M the operand's second moment, row o of the weight becomes ``unit_o * q_o`` with integers q_o that
make ``(w - unit*q)' M (w - unit*q)`` small: columns are rounded one after another, each error
carried over to the columns still open (nearest plane; Babai 1986, and for networks Frantar et al.,
"GPTQ", 2023), for several units, of which each row keeps the best.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from hw.spec.image import MATRIX
from sw.compiler.folded import FoldedLayer, FoldedNetwork

UNITS = 48
"""Units tried a row: its greatest weight at 127, 126, ... of them."""
DAMPING = 1e-3
"""Share of the mean second moment that every direction has at least: few pictures lack some."""


def round_matrices(network: FoldedNetwork, moments: dict[str, Tensor]) -> FoldedNetwork:
    """The network with weights of real layers that are integers times a unit a row.

    Parameters
    ----------
    moments : dict of str to float64 (K, K)
        By real layer: sums of the outer products of its operands.
    """
    layers = {
        name: _rounded(layer, moments[name]) if layer.real else layer
        for name, layer in network.layers.items()
    }
    return replace(network, layers=layers)


def _rounded(layer: FoldedLayer, moment: Tensor) -> FoldedLayer:
    diagonal = moment.diagonal().mean()
    if not diagonal > 0:  # operands that are all zero tell nothing
        return layer
    moment = moment / diagonal + DAMPING * torch.eye(len(moment), dtype=moment.dtype)
    carry = torch.linalg.cholesky(torch.linalg.inv(moment), upper=True)
    carry = carry / carry.diagonal()[:, None]
    greatest = layer.weight.abs().amax(1)
    greatest = torch.where(greatest > 0, greatest, 1.0)
    unit = greatest / MATRIX.high
    counts = torch.floor(layer.weight / unit[:, None] + 0.5)
    least = _cost(layer.weight, counts, unit, moment)
    for step in range(UNITS):
        other = greatest / (MATRIX.high - step)
        found = _nearest_plane(layer.weight / other[:, None], carry)
        cost = _cost(layer.weight, found, other, moment)
        better = cost < least
        counts = torch.where(better[:, None], found, counts)
        unit, least = torch.where(better, other, unit), torch.minimum(cost, least)
    return replace(layer, weight=counts * unit[:, None], unit=unit)


def _cost(weight: Tensor, counts: Tensor, unit: Tensor, moment: Tensor) -> Tensor:
    """Mean squared error of a row's sum, (outputs,)."""
    error = counts * unit[:, None] - weight
    return ((error @ moment) * error).sum(1)


def _nearest_plane(weight: Tensor, carry: Tensor) -> Tensor:
    """Integers near `weight` (in units), column after column."""
    left, counts = weight.clone(), torch.empty_like(weight)
    for i in range(weight.shape[1]):
        counts[:, i] = torch.floor(left[:, i] + 0.5).clamp(-MATRIX.high, MATRIX.high)
        left[:, i:] -= (left[:, i] - counts[:, i])[:, None] * carry[i, i:]
    return counts
