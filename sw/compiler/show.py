"""Tables of the compiler's stages, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from hw.spec.commands import Engine, Opcode, Target, decode
from sw.compiler.bound import block_bound, layer_bounds
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule import Program

if TYPE_CHECKING:
    from torch import Tensor

    from sw.compiler.folded import FoldedNetwork
    from sw.compiler.load import FloatNetwork
    from sw.compiler.quantised import QuantisedNetwork


def _table(title: str, columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for i, column in enumerate(columns.split(",")):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _print(console: Console, table: Table) -> None:
    """Prints a table at its full width: numbers cut short would be worse than long lines."""
    wide = console.options.update(max_width=400)
    console.width = max(console.width, console.measure(table, options=wide).maximum)
    console.print(table)


def _span(values: Tensor | np.ndarray | None) -> str:
    """Least and greatest."""
    if values is None:
        return ""
    low, high = float(values.min()), float(values.max())
    return f"{low:.4g}" if low == high else f"{low:.4g}..{high:.4g}"


def show_load(network: FloatNetwork, console: Console) -> None:
    """Sizes and the attention clips."""
    console.print(network.shape)
    table = _table("blocks", "block,norm before,norm after,clip c,|weight| of hidden")
    for (stage, block), b in network.blocks.items():
        table.add_row(
            f"stage{stage}.block{block}",
            _span(b.before.gain),
            _span(b.after.gain),
            f"{b.clip:.4g}",
            _span(b.hidden.weight.abs()),
        )
    _print(console, table)


def show_fold(network: FoldedNetwork, console: Console) -> None:
    """Real parameters of every layer."""
    table = _table(
        "folded layers",
        "layer,K,outputs,gain,residual gain,bias,slope +,slope -,offset,inverted bits",
    )
    for layer in network.layers.values():
        table.add_row(
            layer.name,
            "" if layer.weight is None else str(layer.weight.shape[1]),
            str(layer.outputs),
            _span(layer.gain),
            _span(layer.residual_gain),
            _span(layer.bias),
            _span(layer.slope_positive),
            _span(layer.slope_negative),
            _span(layer.offset),
            " ".join(str(int(t.inverted.sum())) for t in layer.thresholds),
        )
    _print(console, table)


def show_packed(network: PackedNetwork, console: Console) -> None:
    """Integer parameters of every layer and block."""
    table = _table("layers", "layer,K,outputs,shifts,fields,constants,thresholds")
    for layer in network.layers.values():
        shifts = " ".join(
            f"{k.split('_')[0]}:{v}" for k, v in layer.scalars.items() if k.endswith("_shift")
        )
        fields = " ".join(f for f in layer.parameters if not f.startswith("threshold"))
        thresholds = [v for f, v in layer.parameters.items() if f.startswith("threshold")]
        table.add_row(
            layer.name,
            str(layer.inputs),
            str(layer.outputs),
            shifts,
            fields,
            " ".join(f"{k}={v}" for k, v in layer.constants.items()),
            " ".join(_span(t) for t in thresholds),
        )
    _print(console, table)
    table = _table("blocks", "block,h,r,N,M,index base,c/2,fractions x u r t f")
    for name, b in network.blocks.items():
        fractions = [
            b.fractions.get(t, "-")
            for t in ("x", "attention.u", "attention.reduced", "attention.t", "ffn.hidden")
        ]
        table.add_row(
            name,
            str(b.heads),
            str(b.reduction),
            str(b.tokens),
            str(b.keys),
            str(b.index_base),
            f"{b.scale * 2.0**-b.scale_shift:.4g}",
            " ".join(map(str, fractions)),
        )
    _print(console, table)
    for name, share in network.saturation.items():
        console.print(f"saturated on calibration pictures: {name} {share:.2e}")
    if not network.saturation:
        console.print("nothing saturated on calibration pictures, or none were given")


def show_quantise(network: QuantisedNetwork, console: Console) -> None:
    """The packed tables, then scales and inverted bits."""
    show_packed(network.packed, console)
    table = _table("scales", "scale group,fraction bits")
    for name, fraction in network.groups.items():
        table.add_row(name, str(fraction))
    _print(console, table)
    table = _table("bits stored inverted", "bits,inverted,channels")
    for name, mask in network.inverted.items():
        if mask.any():
            table.add_row(name, str(int(mask.sum())), str(mask.size))
    _print(console, table)


SCHEDULE_KEY = """\
waits for: commands that an engine must have completed; engines by initial
size: array commands: tiles x groups x words of K; LOAD, STORE: words;
      GRID: outputs x channel words; BRANCH: columns x channel words;
      DENSE: tokens x groups x pairs of operands
bound: cycles that multiplications and post-processing take at least"""


def show_schedule(name: str, program: Program, console: Console) -> None:
    """Every command of a block: where it runs, what it waits for, its size and bound; totals."""
    configuration = program.configuration
    table = Table(
        title=f"{name} on {configuration.name}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for column, justify in (
        ("tag", "right"),
        ("opcode", "left"),
        ("layer", "left"),
        ("engine", "left"),
        ("waits for", "left"),
        ("size", "right"),
        ("bound", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=column != "waits for")
    counts = dict.fromkeys(Engine, 0)
    for operation, word in zip(program.operations, program.words, strict=False):
        opcode, fields = decode(word)
        engine = operation.engine
        counts[engine] += 1
        bound = program.bound(operation)
        table.add_row(
            str(operation.tag),
            opcode.name,
            operation.layer,
            engine.name.lower(),
            _waits(fields),
            _size(opcode, fields),
            f"{bound:,}" if bound else "-",
        )
    console.print(table)
    console.print(SCHEDULE_KEY, highlight=False)
    loaded = sum(_beats(program, word) for word in program.words)
    table = _table("totals", "what,amount")
    table.add_row("commands", f"{len(program.operations):,}")
    for engine, count in counts.items():
        table.add_row(f"  {engine.name.lower()}", f"{count:,}")
    table.add_row("bound of the binary layers, cycles", f"{block_bound(layer_bounds(program)):,}")
    table.add_row("memory port beats of LOAD and STORE", f"{loaded:,}")
    table.add_row("memory port beats of commands", f"{4 * len(program.words):,}")
    table.add_row("external memory, beats of 128 bits", f"{len(program.memory):,}")
    table.add_row(
        "x", "streams through x memory" if program.result_address is not None else "stays on chip"
    )
    console.print(table)
    kbit = configuration.memory_kbit()
    table = _table("on-chip memories", "memory,words used at most,available,used,kbit")
    for memory, (used, size) in program.usage.items():
        table.add_row(
            memory,
            f"{used:,}",
            f"{size:,}",
            f"{100 * used / size:.0f} %",
            f"{kbit[memory]:,.0f}" if memory in kbit else "-",
        )
    console.print(table)


def _waits(fields: dict[str, int]) -> str:
    """``L12 M3``: the counts of completed commands that are not 0."""
    return " ".join(
        f"{engine.name[0]}{fields[f'after_{engine.name.lower()}']}"
        for engine in Engine
        if fields[f"after_{engine.name.lower()}"]
    )


def _size(opcode: Opcode, fields: dict[str, int]) -> str:
    """How much a command does."""
    if opcode in (Opcode.LOAD, Opcode.STORE):
        return f"{fields['words']}"
    if opcode is Opcode.GRID:
        return f"{fields['outputs']} x {fields['words']}"
    if opcode is Opcode.BRANCH:
        return f"{fields['width']} x {fields['words']}"
    if opcode is Opcode.DENSE:
        return f"{fields['tokens']} x {fields['groups']} x {fields['segments'] * fields['pairs']}"
    groups = fields["outer"] * fields["inner"]
    return f"{fields['tiles']} x {groups} x {fields['heads'] * fields['words']}"


def _beats(program: Program, word: int) -> int:
    """Port beats of a LOAD or STORE; 0 for other commands."""
    opcode, fields = decode(word)
    c = program.configuration
    if opcode is Opcode.STORE:
        return fields["words"] * c.lane_beats
    if opcode is not Opcode.LOAD:
        return 0
    beats = {
        Target.COLUMN: c.column_beats,
        Target.PARAMETER: c.lane_beats,
        Target.X: c.lane_beats,
        Target.EXP: 1,
    }
    return fields["words"] * beats[Target(fields["target"])]
