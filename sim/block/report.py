"""The report of a block run: tables for people, a dictionary for programs."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from hw.spec.commands import Engine
from sim.block.compare import TensorResult
from sim.block.simulate import BlockRun
from sim.block.tensors import NEVER_FORMED
from sw.compiler.bound import block_bound, layer_bounds
from sw.compiler.schedule import Program


@dataclass(frozen=True)
class CommandCycles:
    """All commands of one layer.

    Attributes
    ----------
    engine : str
        The engine that completes them.
    count : int
        Commands.
    cycles : int
        Sum over the commands of the cycles since the engine's previous completion.
    bound : int
        Sum of their bounds.
    """

    name: str
    engine: str
    count: int
    cycles: int
    bound: int


def command_cycles(program: Program, run: BlockRun) -> list[CommandCycles]:
    """Cycles and bound by layer, in program order."""
    previous = dict.fromkeys(Engine, 0)
    spent: dict[int, int] = {}
    for cycle, engine, tag in run.completions:
        spent[tag] = cycle - previous[engine]
        previous[engine] = cycle
    rows: dict[str, list] = {}
    for operation in program.operations:
        row = rows.setdefault(operation.layer, [operation.engine.name.lower(), 0, 0])
        row[1] += 1
        row[2] += spent.get(operation.tag, 0)
    bounds = layer_bounds(program)
    return [
        CommandCycles(name, engine, count, cycles, bounds[name])
        for name, (engine, count, cycles) in rows.items()
    ]


def print_tensors(console: Console, block: str, results: list[TensorResult]) -> None:
    """The table of tensors, then those that are never formed."""
    table = Table("tensor", title=f"{block}: RTL against golden")
    for column in ("shape", "elements", "mismatches"):
        table.add_column(column, justify="right")
    for r in results:
        table.add_row(
            r.name,
            "x".join(map(str, r.shape)),
            f"{r.elements:,}",
            f"{r.mismatches:,}",
            style="red" if r.mismatches else None,
        )
    console.print(table)
    for name, reason in NEVER_FORMED.items():
        print_items(console, f"{name} is never formed:", reason.split(), separator=" ")


def print_items(console: Console, title: str, items: list[str], separator: str = ", ") -> None:
    """A paragraph that breaks between items, never inside one."""
    lines = [title]
    for i, item in enumerate(items):
        word = item if i == len(items) - 1 else item + separator.rstrip()
        if len(lines[-1]) + 1 + len(word) > console.width:
            lines.append(f"  {word}")
        else:
            lines[-1] += f" {word}"
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def print_cycles(
    console: Console, program: Program, run: BlockRun, commands: list[CommandCycles]
) -> None:
    """Cycles by layer with bounds, and what the counters say."""
    table = Table(
        "commands", "engine", title="cycles since the engine's previous completion, by layer"
    )
    for column in ("count", "cycles", "bound", "ratio"):
        table.add_column(column, justify="right")
    for c in commands:
        ratio = f"{c.cycles / c.bound:.2f}" if c.bound else "-"
        table.add_row(c.name, c.engine, str(c.count), f"{c.cycles:,}", f"{c.bound:,}", ratio)
    bound = _block_bound(commands)
    table.add_row(
        "block",
        "",
        str(sum(c.count for c in commands)),
        f"{run.cycles:,}",
        f"{bound:,}",
        f"{run.cycles / bound:.2f}",
        style="bold",
    )
    console.print(table)
    counters = {
        name: value for name, value in run.registers.items() if name.endswith(("_busy", "_beats"))
    }
    print_items(
        console,
        "busy cycles and port beats:",
        [
            f"{name} {value:,} ({100 * value / run.cycles:.0f} %)"
            for name, value in counters.items()
        ],
    )
    print_items(
        console,
        "on-chip words used:",
        [f"{name} {used}/{size}" for name, (used, size) in program.usage.items()],
    )


def _block_bound(commands: list[CommandCycles]) -> int:
    return block_bound({c.name: c.bound for c in commands})


def as_json(
    program: Program,
    run: BlockRun,
    results: list[TensorResult],
    commands: list[CommandCycles],
    *,
    model: str,
    block: str,
    seed: int,
    stall: str,
) -> dict:
    """What ``--json`` writes; tensors by their full names (``stage1.block0.x1``)."""
    c = program.configuration
    return {
        "model": model,
        "block": block,
        "bit_exact": not any(r.mismatches for r in results),
        "tensors": [
            {
                "name": f"{block}.{r.name}",
                "shape": list(r.shape),
                "elements": r.elements,
                "mismatches": r.mismatches,
            }
            for r in results
        ],
        "never_formed": {f"{block}.{name}": why for name, why in NEVER_FORMED.items()},
        "cycles": run.cycles,
        "bound_cycles": _block_bound(commands),
        "ratio": run.cycles / _block_bound(commands),
        "commands": [
            {
                "name": x.name,
                "engine": x.engine,
                "count": x.count,
                "cycles": x.cycles,
                "bound": x.bound,
            }
            for x in commands
        ],
        "counters": run.registers,
        "memory_words": {
            name: {"used": used, "available": size} for name, (used, size) in program.usage.items()
        },
        "memory_kbit": c.memory_kbit(),
        "block_rams": c.block_rams(),
        "configuration": c.describe(),
        "seed": seed,
        "stall": stall,
        "tools": list(run.simulator.tools),
    }
