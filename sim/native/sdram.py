"""The SDRAM controller with its chip as a shared library for native simulators."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from hw.memory.sdram import SdramTiming
from sim.build import compile as steps
from sim.build.cache import digest, fetch_or_make
from sim.build.control import control_file
from sim.build.tools import find_tools
from sim.native.top import VERILATOR_OPTIONS
from sim.sdram import TOP, sdram_sources

MAIN = Path(__file__).with_name("sdram.cpp")
HEADER = Path(__file__).with_name("memory.h")


def build_sdram(timing: SdramTiming, *, report: Callable[[str], None] = lambda _: None) -> Path:
    """The library of the controller at a clock, from the cache where nothing changed.

    Raises
    ------
    SimulatorBuildError
        A tool is missing, or the Verilog or C++ does not compile.
    """
    tools = find_tools()
    texts = {"control.vlt": control_file(TOP, [])} | sdram_sources(timing)
    recipe = {
        "verilator": VERILATOR_OPTIONS, "c++": steps.CXX_OPTIONS, "tools": tools.versions,
        "optimise": [steps.OPTIMISE_HOT, steps.OPTIMISE_COLD],
    }  # fmt: skip
    sources = {path.name: path.read_text() for path in (MAIN, HEADER)}
    key = digest(texts | sources | {"recipe": json.dumps(recipe)})

    def make(folder: Path) -> None:
        (folder / "source").mkdir()
        files = [folder / "source" / name for name in texts]
        for file, text in zip(files, texts.values(), strict=True):
            file.write_text(text)
        model = folder / "model"
        report(f"build SDRAM controller at {timing.clock_hz / 1e6:g} MHz")
        steps.verilate(tools, model, files, TOP, trace=False, options=[], base=VERILATOR_OPTIONS)
        shutil.copy(HEADER, model)
        steps.compile_model(
            tools, model, folder / f"{TOP}.so", trace=False, clock=None, jobs=os.cpu_count() or 1,
            report=report, main=MAIN, cocotb=False, shared=True,
        )  # fmt: skip
        shutil.rmtree(model)

    folder, _ = fetch_or_make(TOP, key, make)
    return folder / f"{TOP}.so"
