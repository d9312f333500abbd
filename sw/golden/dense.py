"""DENSE in software: integer layers, the classifier and channel pooling of any ratio."""

from __future__ import annotations

import numpy as np

from hw.spec.commands import Operand
from hw.spec.image import NORMED
from hw.spec.numerics import VALUE
from sw.golden.integers import drop, saturate, wrap

SUM_BITS = 32
"""The sum is kept modulo 2**32."""


def run_dense(f: dict[str, int], source: np.ndarray, parameter: np.ndarray, u: np.ndarray) -> None:
    """Executes a DENSE command's fields `f` on memories (words, lanes); writes `u`.

    All tokens of a group are read before any is written, groups in order.

    Raises
    ------
    IndexError
        If the command leaves a memory.
    """
    token = np.arange(f["tokens"])
    for group in range(f["groups"]):
        operands = _operands(f, source, token, group)
        total = operands @ _weights(f, parameter, group).T
        at = f["destination_base"] + token * f["destination_token"]
        if f["bias"]:
            low, high = parameter[f["parameter_base"] + group * f["parameter_group"] + np.arange(2)]
            total = wrap(total + (low & 0xFFFF) + (high << 16), SUM_BITS)
            u[at + 2 * group] = wrap(total, 16)
            u[at + 2 * group + 1] = total >> 16
        else:
            u[at + group] = saturate(drop(wrap(total, SUM_BITS), f["shift"]), VALUE)


def _operands(f: dict[str, int], source: np.ndarray, token: np.ndarray, group: int) -> np.ndarray:
    """Operands of every token, (tokens, segments * 2*pairs)."""
    lanes, count = source.shape[1], 2 * f["pairs"]
    elements = f["pairs"] if f["operand"] == Operand.PIXEL else count
    first = f["base"] + group * f["group"] + token[:, None] * f["token"]
    first = first + np.arange(f["segments"]) * f["segment"]
    words = source[first[..., None] + np.arange(-(-elements // lanes))]
    values = words.reshape(len(token), f["segments"], -1)[..., :elements]
    if f["operand"] == Operand.PIXEL:
        pixels = np.stack([values & 0xFF, values >> 8 & 0xFF], axis=-1)
        values = pixels.reshape(len(token), f["segments"], count) - 128
    elif f["operand"] == Operand.NORMED:
        values = saturate(values, NORMED)
    return values.reshape(len(token), -1)


def _weights(f: dict[str, int], parameter: np.ndarray, group: int) -> np.ndarray:
    """Weights of a group, (lanes, segments * 2*pairs)."""
    lanes = parameter.shape[1]
    if f["pool"]:
        return np.kron(np.eye(lanes, dtype=np.int64), np.ones(f["pool"], np.int64))
    first = f["parameter_base"] + group * f["parameter_group"] + 2 * f["bias"]
    words = parameter[first + np.arange(f["segments"] * f["pairs"])]
    pairs = np.stack([wrap(words, 8), wrap(words >> 8, 8)], axis=-1)
    return pairs.transpose(1, 0, 2).reshape(lanes, -1)
