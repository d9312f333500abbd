"""``python -m sw inspect``: what is in a model, and what it takes on a configuration."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hw.spec import find_configuration
from hw.spec.configuration import DEFAULT_CONFIGURATION
from hw.spec.numerics import VALUE
from sw.atomic import write_json
from sw.cli.common import ConfigOption, JsonOption, ending, note
from sw.cli.facts import batch_facts, cycle_facts, model_facts, program_facts
from sw.cycles.memory import PRESETS
from sw.files import DEFAULT_MODEL, RANDOM_MODELS, InputError, check_output, load_model

BEATS_A_KIB = 64
"""Beats of 128 bits in 1024 bytes."""


def inspect(
    model: Annotated[
        str, typer.Argument(help=f"packed file, shipped model, or {', '.join(RANDOM_MODELS)}")
    ] = DEFAULT_MODEL,
    config: ConfigOption = DEFAULT_CONFIGURATION,
    memory: Annotated[str, typer.Option(help=f"external memory: {', '.join(PRESETS)}")] = "ideal",
    batch: Annotated[
        str | None,
        typer.Option(
            help="pictures at a time, as 2,4,8: cycles of each, and what would be possible"
        ),
    ] = None,
    json_path: JsonOption = None,
) -> None:
    """Show a model, its program, and the cycles that it is predicted to take.

    Sizes, formats and stored bits of the model; commands, bounds and memory of the program;
    cycles a picture and what takes them, by the cycle model (nothing is simulated).
    """
    console = Console()
    with ending("inspect"):
        configuration = find_configuration(config)
        if memory not in PRESETS:
            raise InputError(f"--memory {memory!r}: choose one of {', '.join(PRESETS)}")
        batches = _batches(batch)
        if json_path is not None:
            check_output("--json", json_path)
        packed = load_model(model, report=note)
        facts = {"name": model, "model": model_facts(packed)}
        print_model(console, model, facts["model"])

        from sw.compiler.schedule import network_program

        program = network_program(packed, configuration)
        facts["program"] = program_facts(program)
        print_program(console, config, facts["program"])
        facts["prediction"] = cycle_facts(program, memory)
        print_prediction(console, config, facts["prediction"])
        if batches:
            facts["batches"] = batch_facts(program, packed, memory, batches)
            print_batches(console, facts["prediction"], facts["batches"])
        if json_path is not None:
            write_json(json_path, facts)


def _batches(text: str | None) -> list[int]:
    """Numbers of pictures.

    Raises
    ------
    InputError
        For anything but numbers from 1 on.
    """
    numbers = [] if text is None else text.split(",")
    if not all(number.strip().isdecimal() and int(number) >= 1 for number in numbers):
        raise InputError(f"--batch {text!r}: give numbers from 1 on, as 2,4,8")
    return [int(number) for number in numbers]


def _table(title: str, *columns: str) -> Table:
    """A table whose first column is text and the rest numbers."""
    table = Table(columns[0], title=title, title_justify="left")
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def print_model(console: Console, name: str, facts: dict) -> None:
    """Sizes by stage, kbit by kind, fraction bits by tensor and stage."""
    sizes = facts["sizes"]
    stages = [f"stage {i + 1}" for i in range(len(sizes["channels"]))]
    table = _table(
        f"{name}: {sizes['image']}x{sizes['image']} pixels, patch {sizes['patch']}, "
        f"{sizes['classes']} classes",
        "sizes",
        *stages,
    )
    for member in ("tokens", "channels", "hidden", "depths", "heads", "reduction", "keys"):
        table.add_row(member, *(f"{value:,}" for value in sizes[member]))
    console.print(table)
    table = _table("stored, without padding", "kind", "kbit")
    for kind, bits in facts["bits"].items():
        table.add_row(kind, f"{bits / 1024:,.1f}")
    table.add_row("sum", f"{sum(facts['bits'].values()) / 1024:,.1f}", style="bold")
    console.print(table)
    table = _table(f"fraction bits of values of {VALUE.bits} bits", "tensor", *stages)
    for tensor, row in _by_stage(facts["fractions"], len(stages)).items():
        table.add_row(tensor, *(_span(values) for values in row))
    console.print(table)


def _by_stage(fractions: dict[str, int], stages: int) -> dict[str, list[list[int]]]:
    """Tensor name to the fraction bits in the blocks of every stage; the head's in the last."""
    rows: dict[str, list[list[int]]] = {}
    for name, bits in fractions.items():
        stage, tensor = 1 if name == "stem" else stages, name
        if name.startswith("stage"):
            prefix, tensor = name.split(".", 1)
            stage = int(prefix.removeprefix("stage"))
        if tensor.startswith("block"):
            tensor = tensor.split(".", 1)[1]
        rows.setdefault(tensor, [[] for _ in range(stages)])[stage - 1].append(bits)
    return rows


def _span(values: list[int]) -> str:
    """Least and greatest."""
    if not values:
        return ""
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}..{high}"


def print_program(console: Console, config: str, facts: dict) -> None:
    """Commands by opcode, on-chip memories, the map of external memory."""
    table = _table(f"commands on {config}", "opcode", "count", "bound, cycles")
    for opcode, entry in facts["commands"].items():
        cycles = entry["bound_cycles"]
        table.add_row(opcode, f"{entry['count']:,}", f"{cycles:,}" if cycles else "-")
    count = sum(entry["count"] for entry in facts["commands"].values())
    table.add_row("sum", f"{count:,}", f"{facts['bound_cycles']:,}", style="bold")
    console.print(table)
    table = _table("on-chip memories", "memory", "words used", "available", "used", "kbit")
    for name, entry in facts["memories"].items():
        table.add_row(
            name,
            f"{entry['used']:,}",
            f"{entry['words']:,}",
            f"{100 * entry['used'] / entry['words']:.0f} %",
            "-" if entry["kbit"] is None else f"{entry['kbit']:,.0f}",
        )
    console.print(table)
    table = _table("external memory, beats of 128 bits", "region", "first beat", "beats", "KiB")
    for name, entry in facts["regions"].items():
        first = entry["first_beat"]
        table.add_row(
            name,
            "" if first is None else f"{first:,}",
            f"{entry['beats']:,}",
            f"{entry['beats'] / BEATS_A_KIB:,.1f}",
        )
    beats = facts["memory_beats"]
    table.add_row("sum", "", f"{beats:,}", f"{beats / BEATS_A_KIB:,.1f}", style="bold")
    console.print(table)


UNITS = ("array", "lanes", "attention", "pool", "dense")
"""Units whose busy cycles are counted."""


def print_prediction(console: Console, config: str, facts: dict) -> None:
    """Predicted cycles, busy cycles of every unit, the memory port by kind of traffic."""
    cycles, port = facts["cycles"], facts["port"]

    def row(table: Table, name: str, beats: int | str, busy: int, **style) -> None:
        share = f"{100 * busy / cycles:.0f} %" if cycles else "-"
        shown = f"{beats:,}" if isinstance(beats, int) else beats
        table.add_row(name, shown, f"{busy:,}", share, **style)

    table = _table(
        f"predicted on {config}, memory {facts['memory']}: {cycles:,} cycles a picture",
        "busy",
        "beats",
        "cycles",
        "of all",
    )
    for unit in UNITS:
        row(table, unit, "", facts["counters"][f"{unit}_busy"])
    for kind, entry in port.items():
        row(table, f"memory port: {kind}", entry["beats"], entry["cycles"])
    total = [sum(entry[key] for entry in port.values()) for key in ("beats", "cycles")]
    row(table, "memory port", *total, style="bold")
    console.print(table)


def print_batches(console: Console, single: dict, batches: list[dict]) -> None:
    """What batches give, and what sharing the last stages' weights would."""
    table = _table(
        f"predicted cycles a picture in batches, memory {single['memory']}; and if the last\n"
        "stages' weights alone were fetched once, x on chip or through the port",
        "pictures",
        "scheduled",
        "gain",
        "x on chip",
        "gain",
        "x carried",
        "gain",
    )
    for entry in batches:
        cells = []
        for name in ("scheduled", "x on chip", "x carried"):
            if entry[name] is None:
                cells += ["-", ""]
                continue
            cycles = entry[name]["cycles"]
            cells += [f"{cycles:,}", f"{100 * (1 - cycles / single['cycles']):.1f} %"]
        table.add_row(f"{entry['pictures']:,}", *cells)
    console.print(table)
