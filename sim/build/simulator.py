"""Build a simulator from Verilog text, or find it in the cache."""

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.build import compile as steps
from sim.build.cache import digest, fetch_or_make
from sim.build.control import control_file, port_names
from sim.build.tools import find_tools
from sim.errors import SimulatorBuildError

RTL = Path(__file__).resolve().parents[1] / "rtl"


@dataclass(frozen=True)
class Simulator:
    """A compiled simulator.

    Attributes
    ----------
    executable : Path
        Start it through `sim.run.run_testbench`, which sets cocotb's environment.
    top : str
        Top module, cocotb's ``dut``.
    ports : tuple of str
        The top's ports: the only signals a testbench can see.
    clock : str or None
        Port that the simulator itself toggles, period `CLOCK_PERIOD_NS`; None if the top has none.
    trace : bool
        Whether it can write waves.
    cached : bool
        Whether it was found rather than built.
    seconds : float
        Time that this call took.
    tools : tuple of str
        Names and versions of the tools that made it.
    """

    executable: Path
    top: str
    ports: tuple[str, ...]
    clock: str | None
    trace: bool
    cached: bool
    seconds: float
    tools: tuple[str, ...]


def _quiet(_: str) -> None:
    """Report nothing."""


def build_simulator(
    verilog_sources: Mapping[str, str],
    top: str,
    *,
    trace: bool = False,
    clock: str | None = "clk",
    rtl: Sequence[str] = (),
    options: Sequence[str] = (),
    jobs: int | None = None,
    report: Callable[[str], None] = _quiet,
) -> Simulator:
    """Compile Verilog with Verilator and cocotb's VPI; reuse an equal earlier build.

    Parameters
    ----------
    verilog_sources : mapping of file name to text
        Every module of the design.
    top : str
        Top module; its ports, and only they, are visible to the testbench.
    trace : bool
        Build with waves (VCD): slower, cached separately.
    clock : str or None
        Input port driven by the simulator itself; ignored if the top has no such port.
    rtl : sequence of str
        Names of files of ``sim/rtl`` to add, such as ``external_memory.v``.
    options : sequence of str
        More Verilator options, such as ``-GWIDTH=64``.
    jobs : int
        Compilers at once; the number of processors by default.
    report : callable
        Called with one line of progress a step.

    Raises
    ------
    SimulatorBuildError
        A tool is missing, the Verilog has a lint finding that is not waived, or C++ failed.
    """
    start = time.perf_counter()
    tools = find_tools()
    sources = dict(verilog_sources) | {name: (RTL / name).read_text() for name in rtl}
    ports = next((p for text in sources.values() if (p := port_names(text, top)) is not None), None)
    if ports is None:
        raise SimulatorBuildError(
            f"top module {top!r}: not defined in {', '.join(sources) or 'no file'}; "
            "give its source or correct the name"
        )
    clock = clock if clock in ports else None
    control = control_file(top, ports)
    recipe = {
        "top": top, "trace": trace, "clock": clock, "options": list(options),
        "verilator": steps.VERILATOR_OPTIONS, "c++": steps.CXX_OPTIONS,
        "optimise": [steps.OPTIMISE_HOT, steps.OPTIMISE_COLD], "tools": tools.versions,
    }  # fmt: skip
    key = digest(
        {f"source {name}": text for name, text in sources.items()}
        | {"control": control, "recipe": json.dumps(recipe), "main": steps.MAIN.read_text()}
    )

    def make(folder: Path) -> None:
        (folder / "source").mkdir()
        files = [folder / "source" / "control.vlt"]
        files[0].write_text(control)
        for name, text in sources.items():
            files.append(folder / "source" / name)
            files[-1].write_text(text)
        model = folder / "model"
        count = jobs or os.cpu_count() or 1
        report(f"verilate {top} ({sum(map(len, sources.values())) / 1e6:.2f} MB of Verilog)")
        steps.verilate(tools, model, files, top, trace=trace, options=list(options))
        report(f"verilated in {time.perf_counter() - start:.1f} s")
        steps.compile_model(
            tools, model, folder / top, trace=trace, clock=clock, jobs=count, report=report
        )
        shutil.rmtree(model)  # tens of megabytes that nothing reads again

    folder, cached = fetch_or_make(f"{top}-trace" if trace else top, key, make)
    seconds = time.perf_counter() - start
    report(f"simulator {top}: {'found in cache' if cached else 'built'} in {seconds:.1f} s")
    return Simulator(folder / top, top, tuple(ports), clock, trace, cached, seconds, tools.versions)
