"""The report as tables for people and as a dictionary for programs."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from hw.spec.configuration import Configuration
from sim.network.run import NetworkRun
from sim.report.commands import LONG, NEAR, Row, network_bound, worst
from sw.compiler.schedule import NetworkProgram
from sw.cycles.model import Prediction
from sw.cycles.traffic import Traffic

KIB = 1024


def print_rows(console: Console, c: Configuration, rows: Iterable[Row]) -> None:
    """Cycles, predicted cycles, bound, array utilisation and bytes of every row."""
    table = Table("layer", "engine", title="engine time by layer", title_justify="left")
    for column in (
        "count",
        "cycles",
        "predicted",
        "off",
        "bound",
        "ratio",
        "array",
        "KiB",
        "of which",
    ):
        table.add_column(column, justify="right")
    for row in rows:
        moved = row.moved.total()
        kinds = ", ".join(f"{kind} {size / KIB:,.1f}" for kind, size in row.moved.items())
        table.add_row(
            row.name,
            row.engine,
            f"{row.count:,}",
            f"{row.cycles:,}",
            f"{row.predicted:,}",
            _deviation(row.deviation),
            f"{row.bound:,}" if row.bound else "-",
            _ratio(row.cycles, row.bound),
            _share(_utilisation(c, row.macs, row.cycles)) if row.macs else "-",
            f"{moved / KIB:,.1f}" if moved else "-",
            kinds,
        )
    console.print(table)


def print_network(
    console: Console,
    program: NetworkProgram,
    run: NetworkRun,
    prediction: Prediction,
    layers: list[Row],
    commands: list[Row],
) -> None:
    """The whole network: cycles and their prediction, units, engines, bytes."""
    c, least, macs = program.configuration, network_bound(layers), sum(row.macs for row in layers)
    console.print(
        f"network: {run.cycles:,} cycles, bound of the binary layers one after another {least:,}, "
        f"ratio {_ratio(run.cycles, least)}, array {_share(_utilisation(c, macs, run.cycles))}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(_judged(run, prediction, commands), highlight=False, soft_wrap=True)
    table = Table("unit", title="busy cycles and port beats", title_justify="left")
    table.add_column("count", justify="right")
    table.add_column("of all cycles", justify="right")
    for name, value in run.registers.items():
        if name.endswith(("_busy", "_beats")):
            table.add_row(name, f"{value:,}", _share(value / run.cycles))
    console.print(table)
    table = Table("engine", title="engine time", title_justify="left")
    table.add_column("cycles", justify="right")
    table.add_column("of all cycles", justify="right")
    for engine, cycles in engine_time(layers).items():
        table.add_row(engine, f"{cycles:,}", _share(cycles / run.cycles))
    console.print(table)
    table = Table("kind", title="memory port, KiB", title_justify="left")
    for column in ("read", "written", "least", "ratio"):
        table.add_column(column, justify="right")
    for kind, entry in Traffic(program).table(run.registers["program_beats"]).items():
        moved = entry["read"] + entry["written"]
        table.add_row(
            kind,
            *(f"{entry[key] / KIB:,.1f}" for key in ("read", "written", "least")),
            _ratio(moved, entry["least"]),
        )
    console.print(table)


def _judged(run: NetworkRun, prediction: Prediction, commands: list[Row]) -> str:
    """How well the cycle model did."""
    line = (
        f"cycle model: {prediction.cycles:,} cycles, "
        f"{_deviation(prediction.cycles / run.cycles - 1)}"
    )
    long, last = [row for row in commands if row.cycles > LONG], worst(commands)
    if last is None:
        return f"{line}; no command takes more than {LONG:,} cycles"
    near = sum(abs(row.deviation) <= NEAR for row in long)
    return (
        f"{line}; of {len(long):,} commands above {LONG:,} cycles {near:,} are within "
        f"{100 * NEAR:g} %, the worst: {last.name} "
        f"({last.engine}), {last.predicted:,} for {last.cycles:,}, {_deviation(last.deviation)}"
    )


def engine_time(layers: list[Row]) -> dict[str, int]:
    """Sum of the rows of every engine."""
    total: dict[str, int] = {}
    for row in layers:
        total[row.engine] = total.get(row.engine, 0) + row.cycles
    return total


def as_json(
    program: NetworkProgram,
    run: NetworkRun,
    prediction: Prediction,
    layers: list[Row],
    commands: list[Row],
    each: bool,
) -> dict:
    """What ``--json`` writes; bytes are bytes, cycles are cycles; with `each` every command."""
    c, least, last = program.configuration, network_bound(layers), worst(commands)
    report = {
        "configuration": c.describe(),
        "rtl": run.rtl,
        "cycles": run.cycles,
        "predicted_cycles": prediction.cycles,
        "worst_command": None if last is None else _entry(c, last),
        "bound_cycles": least,
        "ratio": run.cycles / least,
        "array_utilisation": _utilisation(c, sum(row.macs for row in layers), run.cycles),
        "counters": run.registers,
        "engine_cycles": engine_time(layers),
        "bytes": Traffic(program).table(run.registers["program_beats"]),
        "layers": [_entry(c, row) for row in layers],
        "logits": run.logits.tolist(),
    }
    if each:
        report["commands"] = [_entry(c, row) for row in commands]
    return report


def _entry(c: Configuration, row: Row) -> dict:
    return {
        "name": row.name,
        "engine": row.engine,
        "count": row.count,
        "cycles": row.cycles,
        "predicted_cycles": row.predicted,
        "deviation": row.deviation,
        "bound_cycles": row.bound,
        "ratio": row.cycles / row.bound if row.bound else None,
        "array_utilisation": _utilisation(c, row.macs, row.cycles),
        "bytes": dict(row.moved),
    }


def _utilisation(c: Configuration, macs: int, cycles: int) -> float:
    """Share of the array's multiply-accumulates that were needed ones."""
    return macs / (c.macs_per_cycle * cycles) if cycles else 0.0


def _deviation(part: float) -> str:
    return f"{100 * part:+.1f} %"


def _ratio(value: int, least: int) -> str:
    return f"{value / least:.2f}" if least else "-"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"
