"""One BinaryViT block, from the Amaranth RTL in Verilator, against the golden model.

``python -m sim.run_block --help``.  Exit status: 0 when every element of every tensor is equal,
1 on a mismatch, 2 on bad input.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hw.spec import Configuration, find_configuration
from hw.spec.configuration import DEFAULT_CONFIGURATION
from sim.block.compare import compare, describe, inject
from sim.block.report import (
    as_json,
    command_cycles,
    print_cycles,
    print_items,
    print_tensors,
)
from sim.block.simulate import simulate
from sim.block.source import BlockCase, block_case, check_block
from sim.block.tensors import NEVER_FORMED
from sim.block.top import STALLS
from sim.errors import SimulationError, SimulatorBuildError
from sw.bad_input import bad_input
from sw.compiler.schedule import ScheduleError, schedule_block
from sw.compiler.schedule.image import block_image
from sw.files import (
    DEFAULT_MODEL,
    RANDOM_MODELS,
    InputError,
    check_output,
    check_seed,
    load_image,
    load_model,
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    context: typer.Context,
    model: Annotated[
        str, typer.Option(help=f"packed file, shipped model, or {', '.join(RANDOM_MODELS)}")
    ] = DEFAULT_MODEL,
    stage: Annotated[int, typer.Option(help="stage, from 1")] = 1,
    block: Annotated[int, typer.Option(help="block of the stage, from 0")] = 0,
    image: Annotated[
        Path | None,
        typer.Option(help="picture; default a shipped one, or a random one for other sizes"),
    ] = None,
    config: Annotated[
        str, typer.Option(help="accelerator configuration, rows x columns x bits - lanes")
    ] = DEFAULT_CONFIGURATION,
    seed: Annotated[int, typer.Option(help="of stalls, random models and pictures")] = 0,
    stall: Annotated[str, typer.Option(help=f"one of {', '.join(STALLS)}")] = "none",
    json_path: Annotated[Path | None, typer.Option("--json", help="write a report")] = None,
    waves: Annotated[Path | None, typer.Option(help="write a VCD")] = None,
    inject_name: Annotated[
        str | None,
        typer.Option(
            "--inject", help="flip one bit of this golden tensor, to see the comparison fail"
        ),
    ] = None,
) -> None:
    """Simulate one block from RTL and compare every tensor with the golden model."""
    console = Console()
    log = Console(stderr=True, highlight=False)

    def report(line: str) -> None:
        log.print(f"  {line}", markup=False)

    try:
        configuration = _check_options(stall, seed, json_path, waves, config)
        packed = load_model(model, seed, report)
        check_block(packed.model.depths, stage, block)
        pixels = load_image(packed, image, seed, report)
        report("golden model")
        case = block_case(packed, stage, block, pixels)
        if inject_name is not None:
            inject(case.golden, _tensor(case, inject_name), seed)
        layout = block_image(packed, stage, block)
        try:
            program = schedule_block(layout, configuration)
        except ScheduleError as error:
            raise InputError(f"{case.name} on {configuration.name}: {error}") from None
        run = simulate(program, layout, case.x, stall=stall, seed=seed, waves=waves, report=report)
    except (*bad_input(), SimulatorBuildError) as error:
        typer.echo(f"run_block: {error}", err=True)
        raise typer.Exit(2) from None
    except SimulationError as error:
        typer.echo(f"run_block: {error}\nrerun: {_rerun(context)}", err=True)
        raise typer.Exit(1) from None
    results = compare(case.golden, run.observation, case.fractions)
    commands = command_cycles(program, run)
    console.print(
        f"{model} {case.name} on {configuration.name}, seed {seed}, stall {stall}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    print_items(console, "attention bits that are 1, by head:", _densities(case))
    print_tensors(console, case.name, results)
    print_cycles(console, program, run, commands)
    if json_path is not None:
        report_dict = as_json(
            program, run, results, commands, model=model, block=case.name, seed=seed, stall=stall
        )
        json_path.write_text(json.dumps(report_dict, indent=1) + "\n")
    wrong = [r for r in results if r.mismatches]
    if wrong:
        for r in wrong:
            typer.echo(describe(r, f"{case.name}.{r.name}"))
        typer.echo(f"rerun: {_rerun(context)}")
        typer.echo(f"MISMATCH: {len(wrong)} of {len(results)} tensors differ")
        raise typer.Exit(1)
    elements = sum(r.elements for r in results)
    typer.echo(
        f"BIT-EXACT: {elements:,} elements of {len(results)} tensors equal golden; "
        f"{run.cycles:,} cycles"
    )


def _check_options(
    stall: str, seed: int, json_path: Path | None, waves: Path | None, config: str
) -> Configuration:
    """The configuration, once everything that costs no time to check is right."""
    if stall not in STALLS:
        raise InputError(f"stall {stall!r}: choose one of {', '.join(STALLS)}")
    check_seed(seed)
    configuration = find_configuration(config)
    for option, path in (("--json", json_path), ("--waves", waves)):
        if path is not None:
            check_output(option, path)
    return configuration


def _tensor(case: BlockCase, name: str) -> str:
    """The traced tensor of that full or short name."""
    short = name.removeprefix(f"{case.name}.")
    if short in NEVER_FORMED:
        raise InputError(
            f"inject {name!r}: never formed, {NEVER_FORMED[short]}; choose one of "
            f"{', '.join(case.golden)}"
        )
    if short not in case.golden:
        raise InputError(
            f"inject {name!r}: no such tensor in {case.name}; choose one of "
            f"{', '.join(case.golden)}"
        )
    return short


def _rerun(context: typer.Context) -> str:
    """The command of this run: every option that is not at its default."""
    command = ["python", "-m", "sim.run_block"]
    for option in context.command.params:
        value = context.params.get(option.name)
        if value is not None and value != option.default:
            command += [option.opts[0], str(value)]
    return shlex.join(command)


def _densities(case: BlockCase) -> list[str]:
    """Share of ones of each head's attention bits."""
    return [f"{100 * head.mean():.0f} %" for head in case.golden["attention.probability_bits"]]


if __name__ == "__main__":
    app()
