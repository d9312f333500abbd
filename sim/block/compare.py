"""Compares what the RTL showed with the golden trace, tensor by tensor, element by element."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.block.tensors import Observation


@dataclass(frozen=True)
class Mismatch:
    """The first element that differs.

    Attributes
    ----------
    index : tuple of int
        (token, channel), or (head, query, key).
    expected, got : int
        Raw integers; `got` is None where the RTL showed no such element.
    expected_real, got_real : float
        In units of the model.
    """

    index: tuple[int, ...]
    expected: int
    got: int | None
    expected_real: float
    got_real: float | None


@dataclass(frozen=True)
class TensorResult:
    """One row of the table."""

    name: str
    shape: tuple[int, ...]
    elements: int
    mismatches: int
    first: Mismatch | None


def compare(
    golden: dict[str, np.ndarray], observation: Observation, fractions: dict[str, int]
) -> list[TensorResult]:
    """Every golden tensor against the RTL's, in golden's order of computation.

    Parameters
    ----------
    golden : dict
        Name to integer array; every element counts, shown by the RTL or not.
    fractions : dict
        Fraction bits by tensor; absent ones are integers or bits.
    """
    results = []
    for name, expected in golden.items():
        expected = np.asarray(expected).astype(np.int64)
        got = observation.tensors.get(name)
        if got is None or got.shape != expected.shape:
            wrong = np.ones(expected.shape, dtype=bool)
            seen = np.zeros(expected.shape, dtype=bool)
            got = np.zeros_like(expected)
        else:
            seen = observation.seen[name]
            wrong = (got != expected) | ~seen
        first = None
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            unit = 2.0 ** -fractions.get(name, 0)
            value = int(got[index]) if seen[index] else None
            first = Mismatch(
                index,
                int(expected[index]),
                value,
                float(expected[index]) * unit,
                None if value is None else value * unit,
            )
        results.append(TensorResult(name, expected.shape, expected.size, int(wrong.sum()), first))
    return results


def describe(result: TensorResult, name: str) -> str:
    """One line about a tensor's first wrong element."""
    first = result.first
    axes = ("head", "query", "key") if len(result.shape) == 3 else ("token", "channel")
    place = ", ".join(f"{axis} {i}" for axis, i in zip(axes, first.index, strict=True))
    got = (
        "nothing (no beat showed it)"
        if first.got is None
        else f"raw {first.got} (real {first.got_real:g})"
    )
    return (
        f"{name}: {place}: expected raw {first.expected} (real {first.expected_real:g}), "
        f"got {got}; {result.mismatches} of {result.elements} elements differ"
    )


def inject(golden: dict[str, np.ndarray], name: str, seed: int) -> tuple[int, ...]:
    """Flips the lowest bit of one element of a golden tensor, drawn by `seed`; its index.

    Raises
    ------
    KeyError
        For a tensor that is not traced.
    """
    tensor = np.array(golden[name])
    index = tuple(
        int(i)
        for i in np.unravel_index(np.random.default_rng(seed).integers(tensor.size), tensor.shape)
    )
    tensor[index] ^= 1
    golden[name] = tensor
    return index
