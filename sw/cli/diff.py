"""``python -m sw diff``: the first tensor, token and channel in which two backends differ."""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hw.spec.configuration import DEFAULT_CONFIGURATION
from sw.cli.common import (
    ConfigOption,
    MemoryOption,
    ModelOption,
    ending,
    note,
    open_backend,
)
from sw.compiler.packed import PackedNetwork
from sw.files import DEFAULT_MODEL, InputError, check_seed, load_image, load_model

AXES = {2: ("token", "channel"), 3: ("head", "query", "key")}
"""What a tensor's indices count, by their number."""
BACKENDS = ("golden", "sim")
"""Those that show tensors."""
Tensors = dict[str, np.ma.MaskedArray]


def diff(
    context: typer.Context,
    model: ModelOption = DEFAULT_MODEL,
    image: Annotated[
        Path | None, typer.Option(help="picture; default a shipped or a random one")
    ] = None,
    backends: Annotated[
        str, typer.Option(help="two backends; the first one's values are expected")
    ] = "golden,sim",
    config: ConfigOption = DEFAULT_CONFIGURATION,
    memory: MemoryOption = None,
    seed: Annotated[int, typer.Option(help="of random models and pictures, and of --inject")] = 0,
    inject: Annotated[
        str | None, typer.Option(help="flip one bit of this expected tensor, to see it found")
    ] = None,
) -> None:
    """Find the first value in which two backends differ.

    Compares every named tensor of one picture in order of computation. Exit status: 0 all are
    equal, 1 some differ.
    """
    with ending("diff"):
        first, second = _names(backends)
        check_seed(seed)
        packed = load_model(model, seed, note)
        pixels = load_image(packed, image, seed, note)
        expected = _trace(first, packed, pixels, config, memory)
        if inject is not None:
            _inject(expected, inject, seed)
        got = _trace(second, packed, pixels, config, memory)
        names = list(expected) + [name for name in got if name not in expected]
        wrong = [name for name in names if _differ(expected, got, name).any()]
        if not wrong:
            elements = sum(tensor.size for tensor in expected.values())
            typer.echo(
                f"EQUAL: {elements:,} elements of {len(names)} tensors of {first} and {second}"
            )
            return
        typer.echo(f"first mismatch: {_describe(packed, expected, got, wrong[0], first, second)}")
        typer.echo(f"rerun: {_rerun(context, wrong[0])}")
        typer.echo(f"MISMATCH: {len(wrong)} of {len(names)} tensors differ")
        raise typer.Exit(1)


def _names(backends: str) -> tuple[str, str]:
    names = [name.strip() for name in backends.split(",")]
    if len(names) != 2 or not set(names) <= set(BACKENDS):
        raise InputError(
            f"--backends {backends!r}: give two of {', '.join(BACKENDS)} with a comma between"
        )
    return names[0], names[1]


def _trace(
    backend: str, packed: PackedNetwork, pixels: np.ndarray, config: str, memory: str | None
) -> Tensors:
    """Every named tensor of one picture."""
    with tempfile.TemporaryDirectory(prefix="bvit-diff-") as folder:
        options = {"memory": memory, "trace": folder} if backend == "sim" else {}
        with open_backend(backend, config, **options) as accelerator:
            accelerator.load(packed)
            note(f"{backend}: every tensor of one picture")
            return accelerator.trace(pixels)


def _inject(tensors: Tensors, name: str, seed: int) -> None:
    """Flips the lowest bit of one element, drawn by `seed`."""
    if name not in tensors:
        raise InputError(f"--inject {name!r}: no such tensor; choose one of {', '.join(tensors)}")
    tensor = tensors[name] = tensors[name].copy()
    tensor.reshape(-1)[np.random.default_rng(seed).integers(tensor.size)] ^= 1


def _differ(expected: Tensors, got: Tensors, name: str) -> np.ndarray:
    """Which elements differ, or are shown by one backend only."""
    if name not in expected or name not in got or expected[name].shape != got[name].shape:
        return np.ones((expected if name in expected else got)[name].shape, dtype=bool)
    one, other = expected[name], got[name]
    hidden = np.ma.getmaskarray(one) | np.ma.getmaskarray(other)
    return hidden | (one.data != other.data)


def _describe(
    packed: PackedNetwork, expected: Tensors, got: Tensors, name: str, first: str, second: str
) -> str:
    """Tensor, index, and both values, raw and in units of the model."""
    wrong = _differ(expected, got, name)
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = ", ".join(f"{axis} {i}" for axis, i in zip(AXES[wrong.ndim], index, strict=True))
    unit = 2.0 ** -packed.fractions.get(name, 0)
    if name == "logits":
        unit = packed.scalars["logit_scale"]

    def value(tensors: Tensors) -> str:
        tensor = tensors.get(name)
        if tensor is None or tensor.shape != wrong.shape or np.ma.getmaskarray(tensor)[index]:
            return "nothing (it did not show it)"
        return f"raw {tensor[index]} (real {tensor[index] * unit:g})"

    return (
        f"{name}: {place}: expected {value(expected)} of {first}, got {value(got)} of {second}; "
        f"{wrong.sum()} of {wrong.size} elements differ"
    )


def _rerun(context: typer.Context, name: str) -> str:
    """The command that simulates the tensor's block alone; this one for tensors of no block."""
    given = {
        option.opts[0]: str(value)
        for option in context.command.params
        if (value := context.params.get(option.name)) is not None and value != option.default
    }
    block = re.match(r"stage(\d+)\.block(\d+)\.", name)
    if block is None:
        words = ["python", "-m", "sw", "diff", *(word for pair in given.items() for word in pair)]
        return shlex.join(words)
    if "--inject" in given:
        given["--inject"] = given["--inject"].removeprefix(block[0])
    for option in ("--backends", "--memory"):
        given.pop(option, None)
    given |= {"--stage": block[1], "--block": block[2]}
    words = [word for pair in given.items() for word in pair]
    return shlex.join(["python", "-m", "sim.run_block", *words])
