"""What the commands share: options, how errors end, how a backend is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from hw.spec.configuration import CONFIGURATIONS, DEFAULT_CONFIGURATION
from sw.bad_input import bad_input
from sw.driver import Accelerator, DriverError
from sw.files import RANDOM_MODELS

ModelOption = Annotated[
    str, typer.Option(help=f"packed file, shipped model, or {', '.join(RANDOM_MODELS)}")
]
BackendOption = Annotated[
    str, typer.Option(help="what computes: golden, sim, or a board at serial:PORT[?baud=RATE]")
]
ConfigOption = Annotated[
    str, typer.Option(help=f"accelerator configuration: {', '.join(CONFIGURATIONS)}")
]
DeviceConfigOption = Annotated[
    str | None,
    typer.Option(
        help=f"accelerator configuration: {', '.join(CONFIGURATIONS)}; default: a board's own, "
        f"else {DEFAULT_CONFIGURATION}"
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        help="sim: external memory, ideal (default), ddr3, sdr-sdram or sdram-controller, these "
        "two also with -2x, at twice the clock"
    ),
]
BatchOption = Annotated[
    int, typer.Option(help="sim, serial: pictures that the program takes at a time")
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="write a report")]


@contextmanager
def ending(command: str) -> Iterator[None]:
    """Turns errors, bad input or a device's, into one line on stderr and exit status 2."""
    try:
        yield
    except (*bad_input(), DriverError) as error:
        typer.echo(f"{command}: {error}", err=True)
        raise typer.Exit(2) from None


def note(line: str) -> None:
    """A remark on what happens, on stderr."""
    typer.echo(f"  {line}", err=True)


def open_backend(
    backend: str, configuration: str | None, memory: str | None = None, batch: int = 1, **options
) -> Accelerator:
    """The handle of a backend, with the options that were given; building is reported."""
    if memory is not None:
        options["memory"] = memory
    if backend != "golden":
        options["report"] = note
    if configuration is None:
        configuration = _own_configuration(backend)
    return Accelerator.open(backend, configuration, batch, **options)


def _own_configuration(backend: str) -> str:
    """That of the board at ``serial:...``, as it says; the default one of every other backend."""
    kind, _, address = backend.partition(":")
    own = None
    if kind == "serial":
        from sw.driver.serial import identify

        own = identify(address)
    return DEFAULT_CONFIGURATION if own is None else own.name


def print_cycles(console: Console, accelerator: Accelerator, cycles: list[int]) -> None:
    """Clock cycles of pictures, and the last one's counters; nothing without a clock."""
    if not cycles:
        return
    line = f"{accelerator.configuration.name}: {sum(cycles) / len(cycles):,.0f} cycles a picture"
    if len(cycles) > 1:
        line += f" ({min(cycles):,} to {max(cycles):,})"
    last = accelerator.counters()
    shares = [
        f"{name} {value:,} ({100 * value / last['cycles']:.0f} %)"
        for name, value in last.items()
        if name.endswith(("_busy", "_beats"))
    ]
    run = "picture" if accelerator.batch == 1 else f"{accelerator.batch} pictures"
    line += f"\nbusy cycles and port beats of the last {run}: " + ", ".join(shares)
    console.print(line, markup=False, highlight=False)
