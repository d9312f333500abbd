"""Verilog and a C++ main of our own, without cocotb: one program, or a library, from the cache."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.build import compile as steps
from sim.build.cache import digest, fetch_or_make
from sim.build.control import control_file
from sim.build.tools import find_tools

# Nothing is public and nothing is asserted: Verilator may remove whatever no port shows.
VERILATOR_OPTIONS = tuple(
    option for option in steps.VERILATOR_OPTIONS if option not in ("--vpi", "--assert")
)


@dataclass(frozen=True)
class Program:
    """A compiled program.

    Attributes
    ----------
    path : Path
        The executable, or the library.
    cached : bool
        Whether it was found rather than built.
    """

    path: Path
    cached: bool


def build_program(
    top: str,
    verilog_sources: Mapping[str, str],
    main: Path,
    *,
    headers: Sequence[Path] = (),
    written: Mapping[str, str] | None = None,
    shared: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Program:
    """Compile Verilog with Verilator and a main of C++; reuse an equal earlier build.

    Parameters
    ----------
    top : str
        Top module, and the kind of build in the cache.
    verilog_sources : mapping of file name to text
        Every module of the design.
    main : Path
        The C++ that includes ``Vtop.h``; with `shared`, what the library exports.
    headers : sequence of Path
        Files that `main` includes from where it finds them: their texts are part of the key.
    written : mapping of file name to text
        Headers that this build writes beside the model.
    shared : bool
        Make a library.
    report : callable
        Called with one line of progress a step.

    Raises
    ------
    SimulatorBuildError
        A tool is missing, or the Verilog or C++ does not compile.
    """
    start = time.perf_counter()
    tools = find_tools()
    texts = {"control.vlt": control_file(top, [])} | dict(verilog_sources)
    written = dict(written or {})
    recipe = {
        "verilator": VERILATOR_OPTIONS, "c++": steps.CXX_OPTIONS, "tools": tools.versions,
        "optimise": [steps.OPTIMISE_HOT, steps.OPTIMISE_COLD],
    }  # fmt: skip
    key = digest(
        texts
        | {path.name: path.read_text() for path in (main, *headers)}
        | written
        | {"recipe": json.dumps(recipe)}
    )
    name = f"{top}.so" if shared else top

    def make(folder: Path) -> None:
        (folder / "source").mkdir()
        files = [folder / "source" / file for file in texts]
        for file, text in zip(files, texts.values(), strict=True):
            file.write_text(text)
        model = folder / "model"
        report(f"verilate {top} ({sum(map(len, texts.values())) / 1e6:.1f} MB of Verilog)")
        steps.verilate(tools, model, files, top, trace=False, options=[], base=VERILATOR_OPTIONS)
        report(f"verilated in {time.perf_counter() - start:.1f} s")
        for file, text in written.items():
            (model / file).write_text(text)
        steps.compile_model(
            tools, model, folder / name, trace=False, clock=None, jobs=os.cpu_count() or 1,
            report=report, main=main, cocotb=False, shared=shared,
        )  # fmt: skip
        shutil.rmtree(model)  # tens of megabytes that nothing reads again

    folder, cached = fetch_or_make(top, key, make)
    seconds = time.perf_counter() - start
    report(f"simulator {top}: {'found in cache' if cached else 'built'} in {seconds:.1f} s")
    return Program(folder / name, cached)
