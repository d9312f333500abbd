"""``python -m sw capability``: R of architectures, and where every packed value can lie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sw.atomic import write_json
from sw.cli.common import JsonOption, ending, note
from sw.cli.interval_table import measured, print_intervals
from sw.files import DEFAULT_MODEL, InputError, check_output, load_model

PICTURES = 256
"""Pictures on which saturation is measured, unless told otherwise."""
WIDTH = 110
"""Columns of the tables where there is no terminal."""


def capability(
    name: Annotated[
        str | None,
        typer.Argument(help="architecture (see the table without a name), or a model as elsewhere"),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="a model's pictures: measure how often values saturate")
    ] = None,
    limit: Annotated[int, typer.Option(help="pictures of --data")] = PICTURES,
    json_path: JsonOption = None,
) -> None:
    """Show representational capability.

    R, the largest absolute value that an element can reach, of known architectures and of the
    shipped model; with a name the walk through its layers, and for a model the interval of every
    accumulator and value. With --data also what share of every value saturation clips there,
    counted in the integer model.
    """
    from sw.capability.intervals import intervals
    from sw.capability.reach import ARCHITECTURES, binaryvit_walk

    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=WIDTH)
    with ending("capability"):
        if json_path is not None:
            check_output("--json", json_path)
        if limit < 1:
            raise InputError(f"--limit {limit}: measure at least 1 picture")
        if data is not None and (name in ARCHITECTURES or name is None):
            raise InputError(f"--data {data}: an architecture has no values; name a model")
        if name is None:
            walks = {known: walk() for known, walk in ARCHITECTURES.items()}
            walks[DEFAULT_MODEL] = binaryvit_walk(load_model(DEFAULT_MODEL).model)
            report = {"architectures": _print_known(console, walks)}
        elif name in ARCHITECTURES:
            report = _print_walk(console, name, ARCHITECTURES[name]())
        else:
            packed = load_model(name, report=note)
            report = _print_walk(console, name, binaryvit_walk(packed.model))
            found = intervals(packed)
            seen = None if data is None else measured(packed, data, limit)
            report |= print_intervals(console, found, seen)
        if json_path is not None:
            write_json(json_path, report)


def _print_known(console: Console, walks: dict) -> dict[str, int]:
    from sw.capability.reach import reach

    table = Table("architecture", title="representational capability R", title_justify="left")
    table.add_column("R", justify="right")
    found = {name: reach(walk)[-1] for name, walk in walks.items()}
    for name, value in found.items():
        table.add_row(name, _number(value))
    console.print(table)
    console.print("`python -m sw capability NAME` shows the walk.", markup=False, highlight=False)
    return found


def _number(value: int) -> str:
    return f"{value:,}" if value < 10**15 else f"{value:.4e}"


def _print_walk(console: Console, name: str, walk: list) -> dict:
    from sw.capability.reach import reach

    values = reach(walk)
    console.print(f"{name}: R = {values[-1]:,}", markup=False, highlight=False, soft_wrap=True)
    table = Table("layer", "value")
    table.add_column("after it", justify="right")
    table.add_row("pixel, centred", "127.5", "127.5")
    for step, value in zip(walk, values, strict=True):
        table.add_row(step.what, step.rule, _number(value))
    console.print(table)
    steps = [
        {"layer": step.what, "factor": step.factor, "addend": step.addend, "times": step.times,
         "value": value}
        for step, value in zip(walk, values, strict=True)
    ]  # fmt: skip
    return {"name": name, "r": values[-1], "walk": steps}
