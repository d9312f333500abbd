"""``python -m bitstreams``: build a board's bitstream, list the boards, load one, or simulate it.

Exit status: 0, or 2 with one line on stderr for bad input, a missing tool, a design that does not
fit or a simulation that fails.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bitstreams.boards import BOARDS, DEFAULT_BOARD, Board, BoardError, find_board
from bitstreams.build import TOP, build, elaborate, sha256
from bitstreams.device import FitError
from bitstreams.models import IDEAL, model_cycles
from bitstreams.report import renew_models, write_reports
from bitstreams.tools import ToolError
from bitstreams.virtual import SimulatedBoard, design
from hw.link.uart import LEAST_CYCLES
from hw.spec.link import DEFAULT_BAUD
from sim.errors import SimulationError, SimulatorBuildError
from sw.bad_input import bad_input
from sw.files import InputError

REPORTS = Path(__file__).parent
LOADER = "openFPGALoader"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
BoardName = Annotated[str, typer.Argument(help=f"one of {', '.join(BOARDS)}")]


def _fail(error: object) -> typer.Exit:
    typer.echo(f"bitstreams: {error}", err=True)
    return typer.Exit(2)


def _note(line: str) -> None:
    typer.echo(f"  {line}", err=True)


def _seeds(text: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(seed) for seed in text.split(",")))
    except ValueError:
        raise ToolError(f"--seeds {text!r}: give numbers with commas, such as 1,2,3") from None


@app.command("build")
def build_command(
    board: BoardName = DEFAULT_BOARD,
    seeds: Annotated[
        str, typer.Option(help="of placement, with commas; default those of the board's report")
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, help="seeds placed and routed side by side")] = 1,
    planned: Annotated[
        bool | None,
        typer.Option(
            "--floorplan/--no-floorplan",
            help="sites for block RAMs before placement; default as for the board's report",
        ),
    ] = None,
    work: Annotated[
        Path | None, typer.Option(help="of the tools' files; default build/bitstreams/BOARD")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="of bitstream and reports; default bitstreams/BOARD")
    ] = None,
) -> None:
    """Synthesise, place, route and pack; write bitstream and reports."""
    try:
        chosen = find_board(board)
        if planned is not None:
            chosen = replace(chosen, planned=planned)
        numbers = _seeds(seeds) if seeds else None
        work = work or Path("build/bitstreams") / chosen.folder
        out = out or REPORTS / chosen.folder
        built = build(chosen, work, seeds=numbers, jobs=jobs, report=_note)
        models = model_cycles(chosen, built.fmax_mhz, _note)
        facts = write_reports(built, models, out)
        shutil.copyfile(built.bitstream, out / built.bitstream.name)
    except (BoardError, FitError, ToolError, SimulationError, SimulatorBuildError) as error:
        raise _fail(error) from None
    except bad_input() as error:
        raise _fail(error) from None
    typer.echo((out / "report.txt").read_text())
    if facts["fmax_mhz"] < facts["clock_mhz"]:
        raise _fail(
            f"{board}: routed at {facts['fmax_mhz']} MHz, below its clock of "
            f"{facts['clock_mhz']:g} MHz; lower the clock in bitstreams/boards/__init__.py"
        )
    if facts["hold_violations"]:
        raise _fail(
            f"{board}: {facts['hold_violations']} paths miss their hold time, by nextpnr's "
            "estimate; try other --seeds"
        )
    typer.echo(f"{out / built.bitstream.name}: not run on hardware")


@app.command()
def boards(
    check: Annotated[
        bool, typer.Option(help="elaborate again, and say which reports are of other gateware")
    ] = False,
) -> None:
    """List the boards with what their committed reports say."""
    table, stale = Table(), []
    for column in ("board", "configuration", "LUT", "RAM", "DSP", "Fmax", "model", "frames/s"):
        table.add_column(
            column, justify="left" if column in ("board", "configuration") else "right"
        )
    for board in BOARDS.values():
        path = REPORTS / board.folder / "report.json"
        if not path.exists():
            table.add_row(board.name, board.configuration.name, "not routed")
            continue
        facts = json.loads(path.read_text())
        if check and not _same_gateware(board, facts):
            stale.append(board.name)
        shares = [
            f"{facts[r]['used']:,}/{facts[r]['available']:,}" for r in ("lut4", "bram", "dsp")
        ]
        rows = facts["models"] or [{"name": "-", "frames_per_second": 0}]
        for i, row in enumerate(rows):
            speed = "refused" if "refused" in row else f"{row['frames_per_second']:.1f}"
            head = (board.name, facts["configuration"]["name"], *shares,
                    f"{facts['fmax_mhz']:.1f} MHz") if i == 0 else ("",) * 6  # fmt: skip
            together = f", {row['batch']} at a time" if row.get("batch", 1) > 1 else ""
            ideal = ", ideal memory" if row.get("memory") == IDEAL else ""
            table.add_row(*head, row["name"] + together + ideal, speed)
    Console(width=120).print(table)
    typer.echo("not run on hardware")
    if stale:
        raise _fail(f"reports of other gateware: {', '.join(stale)}; `make bitstream` renews one")


def _same_gateware(board: Board, facts: dict[str, Any]) -> bool:
    """Whether today's RTLIL of a board is that of its report."""
    with TemporaryDirectory(prefix="bvit-board-") as folder:
        elaborate(board, Path(folder))
        return sha256(Path(folder) / f"{TOP}.il") == facts["rtlil_sha256"]


@app.command()
def models(board: BoardName = DEFAULT_BOARD) -> None:
    """Simulate the models of a routed board again, and put them into its reports.

    For weights, programs and batches that change while the gateware does not.
    """
    try:
        chosen = find_board(board)
        folder = REPORTS / chosen.folder
        if not (folder / "report.json").exists():
            raise _fail(f"{board}: not routed; run `make bitstream BOARD={board}` first")
        facts = json.loads((folder / "report.json").read_text())
        if not _same_gateware(chosen, facts):
            raise _fail(f"{board}: its report is of other gateware; `make bitstream` renews it")
        renew_models(model_cycles(chosen, facts["fmax_mhz"], _note), folder)
    except (BoardError, SimulationError, SimulatorBuildError) as error:
        raise _fail(error) from None
    except bad_input() as error:
        raise _fail(error) from None
    typer.echo((folder / "report.txt").read_text())


@app.command()
def virtual(
    board: BoardName = DEFAULT_BOARD,
    baud: Annotated[
        int | None,
        typer.Option(help="of the design's UART; default a quarter of its clock, to load faster"),
    ] = None,
) -> None:
    """Run a board in simulation: its FPGA from pin to pin, its memory chip, its UART as a port.

    Runs until it is interrupted.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        chosen = find_board(board)
        fastest = chosen.clock_hz // LEAST_CYCLES
        if baud is not None and not 0 < baud <= fastest:
            raise InputError(f"--baud {baud}: use 1 to {fastest}")
        simulated = replace(chosen, baud=baud or fastest)
        _note(_origin(chosen, simulated))
        with SimulatedBoard(simulated, _note) as running:
            running.serve()
    except (BoardError, ToolError, SimulationError, SimulatorBuildError) as error:
        raise _fail(error) from None
    except bad_input() as error:
        raise _fail(error) from None


def _origin(board: Board, simulated: Board) -> str:
    """What a simulated board has to do with the board's report, in a line."""
    path = REPORTS / board.folder / "report.json"
    if simulated.baud != board.baud:
        return f"the UART at {simulated.baud:,} baud; --baud {board.baud} is the bitstream's design"
    digest = design(simulated, _note).rtlil_sha256
    if not path.exists():
        return f"RTLIL {digest[:16]}; no report yet"
    same = json.loads(path.read_text())["rtlil_sha256"] == digest
    return f"RTLIL {digest[:16]}, {'as' if same else 'not as'} in {path}"


@app.command()
def flash(board: BoardName = DEFAULT_BOARD) -> None:
    """Load a board's bitstream into its FPGA, until power goes."""
    try:
        chosen = find_board(board)
    except BoardError as error:
        raise _fail(error) from None
    bitstream = REPORTS / chosen.folder / f"{chosen.folder}{chosen.device.family.bitstream}"
    if not bitstream.exists():
        raise _fail(f"{bitstream}: not there; run `make bitstream BOARD={board}` first")
    loader = shutil.which(LOADER)
    if loader is None:
        raise _fail(f"{LOADER}: not found; install it (apt: openfpgaloader)")
    status = subprocess.run([loader, "-b", chosen.loader, str(bitstream)]).returncode
    if status:
        raise _fail(
            f"{LOADER}: ended with {status}, its reason is above; check the cable and, where it "
            "may not use USB, install its udev rules (99-openfpgaloader.rules)"
        )
    rate = "" if chosen.baud == DEFAULT_BAUD else f"?baud={chosen.baud}"
    typer.echo(f"loaded; python -m sw classify PICTURE --backend serial:PORT{rate}")


if __name__ == "__main__":
    app()
