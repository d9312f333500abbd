"""The report of a block run: tables for people, a dictionary for programs."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from hw.spec.commands import Engine
from sim.block.compare import TensorResult
from sim.block.simulate import BlockRun
from sim.block.tensors import NEVER_FORMED
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
    macs: dict[str, tuple[int, int]] = {}
    for operation in program.operations:
        row = rows.setdefault(operation.layer, [operation.engine.name.lower(), 0, 0])
        row[1] += 1
        row[2] += spent.get(operation.tag, 0)
        m, e = macs.get(operation.layer, (0, 0))
        macs[operation.layer] = (m + operation.macs, e + operation.elements)
    return [CommandCycles(name, engine, count, cycles, layer_bound(program, *macs[name]))
            for name, (engine, count, cycles) in rows.items()]


def layer_bound(program: Program, macs: int, elements: int) -> int:
    """max(MAC / array MACs a cycle, elements / lanes), rounded up."""
    c = program.configuration
    return max(-(-macs // c.macs_per_cycle), -(-elements // c.lanes))


BOUND_LAYERS = ("reduction", "key", "value", "query", "attention.scores", "context", "output",
                "hidden", "ffn")
"""The binary layers whose bounds add up to the block's."""


def block_bound(commands: list[CommandCycles]) -> int:
    """Layer-by-layer bound of the block, in cycles."""
    return sum(c.bound for c in commands if c.name in BOUND_LAYERS)


def print_tensors(console: Console, results: list[TensorResult]) -> None:
    """The table of tensors, and those that are never formed."""
    table = Table("tensor", "shape", "elements", "mismatches", title="RTL against golden")
    for r in results:
        table.add_row(r.name, "x".join(map(str, r.shape)), f"{r.elements:,}",
                      str(r.mismatches), style="red" if r.mismatches else None)
    for name, reason in NEVER_FORMED.items():
        table.add_row(name, "-", "-", f"never formed: {reason}", style="dim")
    console.print(table)


def print_cycles(console: Console, program: Program, run: BlockRun,
                 commands: list[CommandCycles]) -> None:
    """Cycles by layer with bounds, and what the counters say."""
    table = Table("commands", "engine", "count", "cycles", "bound", "ratio",
                  title="cycles since the engine's previous completion, by layer")
    for c in commands:
        ratio = f"{c.cycles / c.bound:.2f}" if c.bound else "-"
        table.add_row(c.name, c.engine, str(c.count), f"{c.cycles:,}", f"{c.bound:,}", ratio)
    bound = block_bound(commands)
    table.add_row("block", "", str(sum(c.count for c in commands)), f"{run.cycles:,}",
                  f"{bound:,}", f"{run.cycles / bound:.2f}", style="bold")
    console.print(table)
    counters = {name: value for name, value in run.registers.items()
                if name.endswith(("_busy", "_beats"))}
    console.print("busy cycles and port beats: " + ", ".join(
        f"{name} {value:,} ({100 * value / run.cycles:.0f} %)"
        for name, value in counters.items()))
    console.print("on-chip words used: " + ", ".join(
        f"{name} {used}/{size}" for name, (used, size) in program.usage.items()))


def as_json(program: Program, run: BlockRun, results: list[TensorResult],
            commands: list[CommandCycles], seed: int) -> dict:
    """What ``--json`` writes."""
    c = program.configuration
    return {
        "bit_exact": not any(r.mismatches for r in results),
        "tensors": [{"name": r.name, "shape": list(r.shape), "elements": r.elements,
                     "mismatches": r.mismatches} for r in results],
        "never_formed": NEVER_FORMED,
        "cycles": run.cycles,
        "bound_cycles": block_bound(commands),
        "ratio": run.cycles / block_bound(commands),
        "commands": [{"name": x.name, "engine": x.engine, "count": x.count, "cycles": x.cycles,
                      "bound": x.bound} for x in commands],
        "counters": run.registers,
        "memory_words": {name: {"used": used, "available": size}
                         for name, (used, size) in program.usage.items()},
        "memory_kbit": c.memory_kbit(),
        "block_rams": c.block_rams(),
        "configuration": c.describe(),
        "seed": seed,
        "tools": list(run.simulator.tools),
    }
