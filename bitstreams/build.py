"""The flow of a board: Amaranth to RTLIL, Yosys, nextpnr once a seed, the packer."""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.build.run import BuildPlan

from bitstreams.boards import Board
from bitstreams.device import check_fit
from bitstreams.floorplan import floorplan
from bitstreams.netlist import Cell, read_cells, synthesise, totals
from bitstreams.routing import diverges
from bitstreams.timing import fmax, hold_violations
from bitstreams.tools import StoppedError, ToolError, find_tool, run, version

TOP = "top"


@dataclass(frozen=True)
class Routed:
    """One placement and routing.

    Attributes
    ----------
    seed : int
    report : dict
        What nextpnr reports.
    fmax_mhz : float
        Of the accelerator's clock.
    hold_violations : int
        Paths too short for the clock's skew, by nextpnr's estimate.
    placed : Path
        What the packer reads.
    command : str
        nextpnr's.
    """

    seed: int
    report: dict[str, Any]
    fmax_mhz: float
    hold_violations: int
    placed: Path
    command: str


@dataclass(frozen=True)
class Build:
    """What a build left.

    Attributes
    ----------
    board : Board
    cells : list of Cell
        Of the netlist.
    fit : dict
        Resource to needed and available, before placement.
    routed : tuple of Routed
        In the order of the seeds.
    stopped : tuple of int
        Seeds of which the router would not have ended.
    best : Routed
        The fastest, the one in the bitstream.
    bitstream : Path
    digests : dict
        SHA-256 of RTLIL, netlist and bitstream.
    tools : dict
        Tool to what it says of itself.
    commands : tuple of str
    """

    board: Board
    cells: list[Cell]
    fit: dict[str, Any]
    routed: tuple[Routed, ...]
    stopped: tuple[int, ...]
    best: Routed
    bitstream: Path
    digests: dict[str, str]
    tools: dict[str, str]
    commands: tuple[str, ...]

    @property
    def fmax_mhz(self) -> float:
        """Median over the seeds that routed."""
        return statistics.median(one.fmax_mhz for one in self.routed)


def elaborate(board: Board, folder: Path) -> BuildPlan:
    """Write ``top.il`` and its file of pins, without names of source files."""
    plan = board.platform().prepare(board.top(board), TOP, emit_src=False)
    for name in (f"{TOP}.il", f"{TOP}{board.device.family.constraints}"):
        text = plan.files[name]
        (folder / name).write_text(text if isinstance(text, str) else text.decode())
    return plan


def sha256(path: Path) -> str:
    """Digest of a file, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build(
    board: Board,
    folder: Path,
    *,
    seeds: Sequence[int] | None = None,
    jobs: int = 1,
    report: Callable[[str], None] = lambda _: None,
) -> Build:
    """Make the bitstream of a board in `folder`, `jobs` seeds at a time; by default the board's.

    A seed whose router would not end is stopped, and left out.

    Raises
    ------
    ToolError
        A tool is missing or failed, or no seed routes.
    FitError
        The netlist does not fit the device; found before placement.
    """
    family, seeds = board.device.family, seeds or board.seeds
    found = {name: find_tool(name) for name in ("yosys", family.nextpnr, family.packer)}
    folder.mkdir(parents=True, exist_ok=True)
    report(f"elaborate {board.name}: {board.configuration.name}")
    elaborate(board, folder)
    commands = [synthesise(family, f"{TOP}.il", TOP, folder, report=report)]
    netlist = folder / f"{TOP}.json"
    cells = read_cells(netlist, TOP, family.carry)
    fit = check_fit(
        f"{board.name} with {board.configuration.name}",
        totals(cells),
        board.device,
    )
    report(", ".join(f"{k} {v['needed']:,} of {v['available']:,}" for k, v in fit.items()))

    def route(seed: int) -> Routed | StoppedError:
        def note(line: str) -> None:
            report(f"seed {seed}: {line}")

        try:
            one = place_and_route(board, found[family.nextpnr], folder, seed, note)
        except StoppedError as error:
            note(str(error))
            return error
        note(f"{one.fmax_mhz:.2f} MHz")
        return one

    with ThreadPoolExecutor(jobs) as pool:
        ended = dict(zip(seeds, pool.map(route, seeds), strict=True))
    routed = tuple(one for one in ended.values() if isinstance(one, Routed))
    stopped = {seed: one for seed, one in ended.items() if not isinstance(one, Routed)}
    if not routed:
        raise ToolError(f"{board.name}: {next(iter(stopped.values()))}; try other --seeds")
    commands += [one.command for one in routed]
    best = max(routed, key=lambda one: one.fmax_mhz)
    bitstream = folder / f"{board.folder}{family.bitstream}"
    pack = [found[family.packer], *family.pack(board.platform(), best.placed.name, bitstream.name)]
    commands.append(run(pack, folder, family.packer, report))
    files = {"rtlil": folder / f"{TOP}.il", "netlist": netlist, "bitstream": bitstream}
    return Build(
        board, cells, fit, routed, tuple(stopped), best, bitstream,
        {name: sha256(path) for name, path in files.items()},
        {name: version(tool) for name, tool in found.items()},
        tuple(commands),
    )  # fmt: skip


def place_and_route(
    board: Board, nextpnr: str, folder: Path, seed: int, report: Callable[[str], None]
) -> Routed:
    """Run nextpnr for one seed; a clock that is missed is reported, not an error of the tool.

    Raises
    ------
    StoppedError
        The router would not have ended.
    """
    platform, name = board.platform(), f"{TOP}.seed{seed}"
    family, netlist = board.device.family, f"{TOP}.json"
    if board.planned:
        planned = f"{name}.planned.json"
        floorplan(folder / netlist, folder / planned, TOP, family, board.device.grid, seed, report)
        netlist = planned
    options, placed = family.place(platform, TOP, netlist, seed, board.clock_hz)
    command = [nextpnr, *options, "--report", f"{name}.json", "--log", f"{name}.log", "-q"]
    text = run(command, folder, f"{name}.log", report, diverges)
    found = json.loads((folder / f"{name}.json").read_text())
    hold = hold_violations((folder / f"{name}.log").read_text())
    return Routed(seed, found, fmax(found, board.clock_hz), hold, folder / placed, text)
