"""Quantise: every folded parameter to the integer that the contract's formulas take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from hw.spec.image import LOGIT, MATRIX, NORMED
from hw.spec.numerics import (
    BRANCHES,
    GAIN_SHIFTS,
    PARAMETER,
    RESIDUAL_GAIN_FRACTION,
    SLOPE_SHIFTS,
    VALUE,
    Format,
)
from sw.compiler.attention import clip_scale, exp_table
from sw.compiler.bits import pack_bits
from sw.compiler.calibrate import Ranges, calibrate
from sw.compiler.fold import even_shift, flip_columns
from sw.compiler.folded import FoldedBranch, FoldedLayer, FoldedNetwork, Threshold
from sw.compiler.fractions import tensor_fractions
from sw.compiler.magnitude import fitting, largest
from sw.compiler.matrix import integer_matrix
from sw.compiler.packed import (
    PackedBlock,
    PackedBranch,
    PackedLayer,
    PackedNetwork,
    block_name,
)
from sw.compiler.quantised import QuantisedNetwork
from sw.compiler.scales import choose_scales


def quantise(
    network: FoldedNetwork, images: Tensor, exp_entries: int = 64, value: Format = VALUE
) -> QuantisedNetwork:
    """Integers of every layer, scales from calibration pictures (uint8, (N, H, W, 3)).

    Another format of value tensors than the hardware's VALUE is for the golden model only
    (``run(..., value=...)``): to see what it would cost.

    Raises
    ------
    CompileError
        If a layer's parameters fit no scale.
    """
    ranges = calibrate(network, images)
    groups, pre = choose_scales(network, _narrowed(network, ranges, value), value)
    layers, inverted, flips = {}, {}, {}
    for name, layer in network.layers.items():
        layers[name] = _layer(layer, groups, pre.get(name, 0), inverted, flips, value)
    layers["classifier"], logit_scale = _classifier(network, groups["head.mean"])
    branches = {
        name: _branch(branch, groups[f"{name.split('.')[0]}.x"])
        for name, branch in network.branches.items()
    }
    shape = network.shape
    scalars: dict[str, float] = {"logit_scale": logit_scale}
    if not shape.class_token:
        scalars["head_shift"] = even_shift(shape.tokens(shape.stages))
    fractions = tensor_fractions(shape, groups)
    tables = {
        i: exp_table(shape.channels[i - 1] // shape.heads[i - 1], ranges.pops[i], exp_entries)
        for i in range(1, shape.stages + 1)
    }
    blocks = {}
    for stage, block in shape.blocks():
        name = block_name(stage, block)
        blocks[name] = _block(network, stage, name, tables[stage], fractions)
    packed = PackedNetwork(
        shape,
        network.preprocessing,
        network.class_names,
        layers,
        blocks,
        branches,
        scalars,
        fractions,
    )
    return QuantisedNetwork(packed, groups, pre, inverted)


def _narrowed(network: FoldedNetwork, ranges: Ranges, value: Format) -> Ranges:
    """Ranges in which the 8-bit normed groups look as wide as `value` leaves them 8 bits."""
    widened = value.high / NORMED.high
    channels = {
        name: magnitude * (widened if name.endswith(".embedding.n") else 1)
        for name, magnitude in ranges.channels.items()
    }
    return replace(ranges, channels=channels)


def _block(
    network: FoldedNetwork,
    stage: int,
    name: str,
    table: tuple[np.ndarray, int],
    fractions: dict[str, int],
) -> PackedBlock:
    shape, i = network.shape, stage - 1
    r, c, hidden = shape.reduction[i], shape.channels[i], shape.hidden[i]
    scale, scale_shift = clip_scale(network.clips[name])
    prefix = f"{name}."
    return PackedBlock(
        name=name,
        heads=shape.heads[i],
        reduction=r,
        channels=c,
        hidden=hidden,
        side=shape.side(stage),
        tokens=shape.tokens(stage),
        keys=shape.keys(stage),
        grid_shift=even_shift(r * r),
        exp=table[0],
        index_base=table[1],
        scale=scale,
        scale_shift=scale_shift,
        fractions={k[len(prefix) :]: v for k, v in fractions.items() if k.startswith(prefix)},
    )


def integers(values: Tensor, fraction: int, what: str) -> np.ndarray:
    """round(values * 2**fraction) as int16; a value beyond PARAMETER is a bug of the scales."""
    scaled = torch.floor(values * 2.0**fraction + 0.5)
    if largest(scaled) > PARAMETER.high:
        scaled = scaled.clamp(PARAMETER.low, PARAMETER.high)
        if what != "position":
            raise AssertionError(f"{what}: {largest(values)} * 2**{fraction} leaves 16 bits")
    return scaled.to(torch.int16).numpy()


def integer_threshold(
    t: Threshold, fraction: int, value: Format = VALUE
) -> tuple[np.ndarray, Tensor]:
    """Least integer whose stored bit is 1, and the mask of bits that are stored inverted.

    Exact: ``value >= threshold`` is the model's decision on ``value * 2**-fraction`` (XOR the
    mask) for every value of the format.  A bit that would always be 0 becomes always 1, inverted.
    """
    inverted = t.inverted.clone()

    def stored(v: Tensor) -> Tensor:
        return (t.scale * (v * 2.0**-fraction) + t.shift >= 0) ^ t.inverted

    low, high = (torch.full_like(t.shift, bound) for bound in (value.low, value.high + 1))
    for _ in range(value.bits):  # bisect: stored is monotonous, false below, true from the answer
        middle = torch.floor((low + high) / 2)
        here = stored(middle)
        low, high = torch.where(here, low, middle + 1), torch.where(here, middle, high)
    never = low > value.high
    inverted ^= never
    return torch.where(never, float(value.low), low).to(torch.int16).numpy(), inverted


def _layer(
    layer: FoldedLayer,
    groups: dict[str, int],
    f_pre: int,
    inverted: dict[str, np.ndarray],
    flips: dict[str, Tensor],
    value: Format = VALUE,
) -> PackedLayer:
    f_out = groups[layer.target]
    parameters: dict[str, np.ndarray] = {}
    scalars: dict[str, int] = {}
    for i, t in enumerate(layer.thresholds):
        parameters[f"threshold{i}"], mask = integer_threshold(t, f_out, value)
        inverted[t.bits], flips[t.bits] = mask.numpy(), mask ^ t.inverted
        scalars["bits_from_out"] = int(t.of_out)
    if layer.bias is None:
        return PackedLayer(layer.name, 0, layer.outputs, parameters=parameters, scalars=scalars)

    weight = matrix = None
    inputs = 0
    if layer.real:
        real = integer_matrix(layer, groups, value)
        inputs, matrix = real.matrix.shape[1], real.matrix.numpy()
        unit, scalars["sum_shift"] = real.count, real.sum_shift
    else:
        unit = 2.0 ** -groups[layer.residual]
    if layer.input_bits:
        signs = flip_columns(layer.weight, flips[layer.input_bits])
        inputs, weight = signs.shape[1], pack_bits((signs > 0).numpy())
    scalars |= {"double": int(weight is not None), "offset": inputs if weight is not None else 0}
    one = f_pre + RESIDUAL_GAIN_FRACTION
    if layer.gain is not None:
        shift = next(
            (g for g in GAIN_SHIFTS if one - g <= fitting(largest(layer.gain), PARAMETER.high)),
            GAIN_SHIFTS[-1],
        )
        scalars["gain_shift"] = shift
        parameters["gain"] = integers(layer.gain, one - shift, f"{layer.name}.gain")
    parameters["residual_gain"] = integers(
        layer.residual_gain * unit, one, f"{layer.name}.residual_gain"
    )
    parameters["bias"] = integers(layer.bias, f_pre, f"{layer.name}.bias")
    steepest = fitting(largest(layer.slope_positive, layer.slope_negative), PARAMETER.high)
    shift = max((g for g in SLOPE_SHIFTS if f_out - f_pre + g <= steepest), default=SLOPE_SHIFTS[0])
    scalars["slope_shift"] = shift
    for name in ("slope_positive", "slope_negative"):
        parameters[name] = integers(
            getattr(layer, name), f_out - f_pre + shift, f"{layer.name}.{name}"
        )
    parameters["offset_out"] = integers(layer.offset, f_out, f"{layer.name}.offset_out")
    constants = {
        name: int(parameters.pop(name)[0])
        for name in ("residual_gain", "slope_positive")
        if name in parameters and (parameters[name] == parameters[name][0]).all()
    }
    position = None
    if layer.position is not None:
        position = integers(layer.position, f_out, f"{layer.name}.position")
    return PackedLayer(
        layer.name, inputs, layer.outputs, weight, parameters, constants, scalars, position, matrix
    )


def _branch(branch: FoldedBranch, fraction: int) -> PackedBranch:
    steepest = fitting(largest(*branch.gain.values()), PARAMETER.high)
    shift = max((g for g in SLOPE_SHIFTS if g <= steepest), default=SLOPE_SHIFTS[0])
    parameters = {}
    for part, f in (("gain", shift), ("constant", fraction), ("loss", fraction)):
        for b in BRANCHES:
            parameters[f"{part}_{b}"] = integers(getattr(branch, part)[b], f, f"branch.{part}_{b}")
    return PackedBranch(parameters, shift)


def _classifier(network: FoldedNetwork, fraction: int) -> tuple[PackedLayer, float]:
    """The classifier with one scale for all classes, and the real value of a logit's unit."""
    weight, bias = network.classifier_weight, network.classifier_bias
    scale = (largest(weight) or 1.0) / MATRIX.high
    unit = scale * 2.0**-fraction
    matrix = torch.floor(weight / scale + 0.5).to(torch.int8).numpy()
    counts = torch.floor(bias / unit + 0.5).clamp(LOGIT.low, LOGIT.high)
    return PackedLayer(
        "classifier",
        weight.shape[1],
        weight.shape[0],
        matrix=matrix,
        bias=counts.to(torch.int32).numpy(),
    ), unit
