"""One BinaryViT block, from the Amaranth RTL in Verilator, against the golden model.

``python -m sim.run_block --help``.  Exit status: 0 when every element of every tensor is equal,
1 on a mismatch, 2 on bad input.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hw.spec import ConfigurationError, find_configuration
from sim.block.compare import compare, describe, inject
from sim.block.report import as_json, command_cycles, print_cycles, print_tensors
from sim.block.simulate import simulate
from sim.block.source import DEFAULT_MODEL, InputError, block_case, load_image, load_model
from sim.block.top import STALLS
from sim.errors import SimulationError, SimulatorBuildError
from sw.compiler.errors import CompileError, PackedImageError
from sw.compiler.schedule import ScheduleError, schedule_block
from sw.compiler.schedule.image import block_image
from sw.data import DataError

DEFAULT_CONFIGURATION = "4x8x64-l16"
BAD_INPUT = (InputError, ConfigurationError, PackedImageError, CompileError, ScheduleError,
             DataError, SimulatorBuildError)


def main(
    model: Annotated[str, typer.Option(
        help="packed file, shipped model, or random:binaryvit")] = DEFAULT_MODEL,
    stage: Annotated[int, typer.Option(help="stage, from 1")] = 1,
    block: Annotated[int, typer.Option(help="block of the stage, from 0")] = 0,
    image: Annotated[Path | None, typer.Option(
        help="picture; default a shipped one, or a random one for other sizes")] = None,
    config: Annotated[str, typer.Option(
        help="accelerator configuration, rows x columns x bits - lanes")] = DEFAULT_CONFIGURATION,
    seed: Annotated[int, typer.Option(help="of stalls, random models and pictures")] = 0,
    stall: Annotated[str, typer.Option(help=f"one of {', '.join(STALLS)}")] = "none",
    json_path: Annotated[Path | None, typer.Option("--json", help="write a report")] = None,
    waves: Annotated[Path | None, typer.Option(help="write a VCD")] = None,
    inject_name: Annotated[str | None, typer.Option(
        "--inject", help="flip one bit of this golden tensor, to see the comparison fail")] = None,
) -> None:
    """Simulate one block from RTL and compare every tensor with the golden model."""
    console = Console()
    log = Console(stderr=True, highlight=False)

    def report(line: str) -> None:
        log.print(f"  {line}", markup=False)

    try:
        if stall not in STALLS:
            raise InputError(f"stall {stall!r}: choose one of {', '.join(STALLS)}")
        for path in (json_path, waves):
            if path is not None and not path.absolute().parent.is_dir():
                raise InputError(f"{path}: folder {path.parent} does not exist; make it first")
        configuration = find_configuration(config)
        packed = load_model(model, seed, report)
        pixels = load_image(packed, image, seed, report)
        report("golden model")
        case = block_case(packed, stage, block, pixels)
        if inject_name is not None:
            name = inject_name.removeprefix(f"{case.name}.")
            if name not in case.golden:
                raise InputError(f"inject {inject_name!r}: no such tensor in {case.name}; "
                                 f"choose one of {', '.join(case.golden)}")
            inject(case.golden, name, seed)
        layout = block_image(packed, stage, block)
        program = schedule_block(layout, configuration)
        run = simulate(program, layout, case.x, stall=stall, seed=seed, waves=waves,
                       report=report)
    except BAD_INPUT as error:
        typer.echo(f"run_block: {error}", err=True)
        raise typer.Exit(2) from None
    except SimulationError as error:
        typer.echo(f"run_block: {error}", err=True)
        raise typer.Exit(1) from None
    results = compare(case.golden, run.observation, case.fractions)
    commands = command_cycles(program, run)
    console.print(f"{model} {case.name} on {configuration.name}, seed {seed}, stall {stall}; "
                  f"attention bits that are 1 by head: {_densities(case)}", highlight=False)
    print_tensors(console, results)
    print_cycles(console, program, run, commands)
    if json_path is not None:
        json_path.write_text(json.dumps(as_json(program, run, results, commands, seed),
                                        indent=1) + "\n")
    wrong = [r for r in results if r.mismatches]
    if wrong:
        for r in wrong:
            typer.echo(describe(r, f"{case.name}.{r.name}"))
        typer.echo("rerun: " + shlex.join(["python", "-m", "sim.run_block", *sys.argv[1:]]))
        typer.echo(f"MISMATCH: {len(wrong)} of {len(results)} tensors differ")
        raise typer.Exit(1)
    elements = sum(r.elements for r in results)
    typer.echo(f"BIT-EXACT: {elements:,} elements of {len(results)} tensors equal golden; "
               f"{run.cycles:,} cycles")


def _densities(case) -> str:
    """Share of ones of each head's attention bits."""
    bits = case.golden["attention.probability_bits"]
    return ", ".join(f"{100 * head.mean():.0f} %" for head in bits)


if __name__ == "__main__":
    typer.run(main)
