"""Validation of a packed network: every layer that the model's sizes need, of the right shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hw.spec.numerics import BRANCH_FIELDS, EXP, GAIN_SHIFTS, PROBABILITY_SCALE, SLOPE_SHIFTS
from sw.compiler.errors import InvalidTensor, MissingTensor
from sw.compiler.packed import PackedLayer, PackedNetwork, Shape, block_name

AFFINE = ("bias", "slope_negative", "offset_out")
"""Parameters of every layer with a post-processor that are never constants."""


def validate(path: Path, network: PackedNetwork, tensors: dict[str, np.ndarray]) -> None:
    """Checks names, shapes, types and ranges.

    Raises
    ------
    MissingTensor, InvalidTensor
        Naming the first that is wrong.
    """
    shape = network.model
    _check_sizes(path, shape)
    if len(network.classes) != shape.classes:
        raise InvalidTensor(
            f"{path}: names {len(network.classes)} classes, the model has {shape.classes}"
        )
    for name, (inputs, outputs, kind) in expected_layers(shape).items():
        if name not in network.layers:
            raise MissingTensor(f"{path}: lacks layer {name!r}")
        _check_layer(path, network.layers[name], inputs, outputs, kind, shape)
    for name, array in tensors.items():
        if name.endswith(".exp") and (
            array.dtype != np.int32
            or array.ndim != 1
            or not array.size
            or array.min() < 0
            or array.max() > EXP.high
            or (np.diff(array) < 0).any()
        ):
            raise InvalidTensor(f"{path}: {name} is no non-decreasing table of {EXP.bits} bits")
    for stage, block in shape.blocks():
        _check_block(path, network, stage, block)
    if "logit_scale" not in network.scalars or (
        not shape.class_token and "head_shift" not in network.scalars
    ):
        raise MissingTensor(f"{path}: lacks scalar head_shift or logit_scale")


def expected_layers(shape: Shape) -> dict[str, tuple[int, int, str]]:
    """Name to (K, outputs, kind): kind is binary, pass, sum (no weight), affine or matrix."""
    c0 = shape.channels[0]
    layers = {
        "stem": (3 * shape.patch**2, c0, "matrix"),
        "head": (0, shape.channels[-1], "affine"),
        "classifier": (shape.channels[-1], shape.classes, "classifier"),
    }
    for stage in range(2, shape.stages + 1):
        before, after = shape.channels[stage - 2 : stage]
        name = f"stage{stage}.embedding"
        binary = shape.embedding == "binary"
        layers[name] = (4 * before, after, "binary" if binary else "matrix")
        layers[name + (".pass" if binary else ".norm")] = (
            0,
            before,
            "pass" if binary else "affine",
        )
    for stage, block in shape.blocks():
        c, hidden = shape.channels[stage - 1], shape.hidden[stage - 1]
        parts = {
            "pass": (0, c, "pass"),
            "key": (c, c, "binary"),
            "value": (c, c, "binary"),
            "query": (c, c, "binary"),
            "context": (0, c, "affine"),
            "output": (c, c, "binary"),
            "hidden": (c, hidden, "binary"),
            "ffn": (hidden, c, "binary"),
        }
        if shape.reduction[stage - 1] > 1:
            parts |= {"pass_pooled": (0, c, "pass"), "reduction": (c, c, "binary")}
        layers |= {f"{block_name(stage, block)}.{k}": v for k, v in parts.items()}
    return layers


def _check_sizes(path: Path, shape: Shape) -> None:
    lists = (shape.channels, shape.depths, shape.reduction, shape.heads, shape.hidden)
    whole = all(isinstance(v, int) and v >= 1 for values in lists for v in values)
    if (
        len({len(values) for values in lists}) != 1
        or not shape.channels
        or not whole
        or not (isinstance(shape.image, int) and isinstance(shape.patch, int))
        or shape.patch < 1
        or shape.side(shape.stages) < 1
        or any(c % h for c, h in zip(shape.channels, shape.heads, strict=True))
        or any(i % c for i, c in zip(shape.hidden, shape.channels, strict=True))
    ):
        raise InvalidTensor(f"{path}: impossible sizes {shape}")


def _check_array(
    path: Path, name: str, array: np.ndarray | None, dtype: str, size: tuple[int, ...]
) -> None:
    if array is None:
        raise MissingTensor(f"{path}: lacks {name!r}")
    if array.dtype != np.dtype(dtype) or array.shape != size:
        raise InvalidTensor(f"{path}: {name} is {array.dtype} {array.shape}, not {dtype} {size}")


def _check_layer(
    path: Path, layer: PackedLayer, inputs: int, outputs: int, kind: str, shape: Shape
) -> None:
    name = layer.name
    if layer.outputs != outputs or layer.inputs != inputs:
        raise InvalidTensor(
            f"{path}: {name} is {layer.inputs} to {layer.outputs} channels, "
            f"not {inputs} to {outputs}"
        )
    for field, array in layer.parameters.items():
        _check_array(path, f"{name}.{field}", array, "int16", (outputs,))
    for field, value in layer.constants.items():
        if not (isinstance(value, int) and -32768 <= value <= 32767):
            raise InvalidTensor(f"{path}: {name}'s constant {field}={value!r} leaves 16 bits")
    if kind == "binary":
        _check_array(path, f"{name}.weight", layer.weight, "int64", (outputs, -(-inputs // 64)))
        spare = -inputs % 64
        if spare and (layer.weight[:, -1].view(np.uint64) >> np.uint64(64 - spare)).any():
            raise InvalidTensor(f"{path}: {name}.weight has padding bits set")
    elif kind in ("matrix", "classifier"):
        _check_array(path, f"{name}.matrix", layer.matrix, "int8", (outputs, inputs))
    if kind == "classifier":
        _check_array(path, f"{name}.bias", layer.bias, "int32", (outputs,))
        return
    needed = ("threshold0",) if kind == "pass" else AFFINE
    for field in needed:
        if field not in layer.parameters:
            raise MissingTensor(f"{path}: lacks '{name}.{field}'")
    for scalar, allowed in (("gain_shift", GAIN_SHIFTS), ("slope_shift", SLOPE_SHIFTS)):
        if layer.scalars.get(scalar, allowed[0]) not in allowed:
            raise InvalidTensor(f"{path}: {name}'s {scalar} is not one of {allowed}")
    if kind == "binary" and (layer.scalars.get("double"), layer.scalars.get("offset")) != (
        1,
        inputs,
    ):
        raise InvalidTensor(f"{path}: {name}'s double and offset are not 1 and K={inputs}")
    if layer.scalars.get("sum_shift", 0) not in range(32):
        raise InvalidTensor(f"{path}: {name}'s sum_shift is not 0..31")
    if name == "stem" or (name.endswith(".embedding")):
        stage = 1 if name == "stem" else int(name[5:].split(".")[0])
        _check_array(
            path, f"{name}.position", layer.position, "int16", (shape.tokens(stage), outputs)
        )


def _check_block(path: Path, network: PackedNetwork, stage: int, block: int) -> None:
    shape, config, i = network.model, network.block(stage, block), stage - 1
    got = (
        config.heads,
        config.reduction,
        config.channels,
        config.hidden,
        config.side,
        config.tokens,
        config.keys,
    )
    want = (
        shape.heads[i],
        shape.reduction[i],
        shape.channels[i],
        shape.hidden[i],
        shape.side(stage),
        shape.tokens(stage),
        shape.keys(stage),
    )
    if got != want:
        raise InvalidTensor(f"{path}: {config.name}'s sizes {got} differ from the model's {want}")
    if not (
        0 <= config.scale <= PROBABILITY_SCALE.high
        and 0 <= config.scale_shift <= 63
        and config.index_base >= 0
        and config.grid_shift in range(0, 32, 2)
    ):
        raise InvalidTensor(f"{path}: {config.name}'s scale, shifts or index base are out of range")
    if shape.pooled_branches:
        if config.name not in network.branches:
            raise MissingTensor(f"{path}: lacks the pooled branches of {config.name!r}")
        branch = network.branches[config.name]
        for field in BRANCH_FIELDS:
            _check_array(
                path,
                f"{config.name}.branch.{field}",
                branch.parameters[field],
                "int16",
                (config.channels,),
            )
        if branch.slope_shift not in SLOPE_SHIFTS:
            raise InvalidTensor(
                f"{path}: {config.name}'s branch slope_shift is not one of {SLOPE_SHIFTS}"
            )
