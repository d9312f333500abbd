"""Run a cocotb testbench on a built simulator, in a process and a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cocotb_tools.config
import find_libpython
import numpy as np

from sim import exchange
from sim.build.simulator import Simulator
from sim.errors import SimulationError, SimulationTimeoutError

CLOCK_PERIOD_NS = 2  # the simulator's own clock: cycle n is the time from 2n-1 to 2n+1 ns


@dataclass(frozen=True)
class RunResult:
    """What a passing run left behind.

    Attributes
    ----------
    passed : tuple of str
        Names of the cocotb tests that ran; all passed, else `run_testbench` raises.
    arrays : dict of ndarray
        Arrays from `sim.exchange.return_arrays`.
    values : dict
        Values from `sim.exchange.return_values`.
    log : str
        The simulator's output.
    seconds : float
        Wall-clock time of the process.
    """

    passed: tuple[str, ...]
    arrays: dict[str, np.ndarray]
    values: dict[str, Any]
    log: str
    seconds: float


def _environment(
    simulator: Simulator, module: str, work: Path, seed: int, extra: Mapping[str, str]
) -> dict[str, str]:
    libpython = find_libpython.find_libpython()
    if libpython is None:
        raise SimulationError(
            "libpython: this Python has no shared library, which cocotb loads; "
            "use one built with --enable-shared"
        )
    libraries = str(cocotb_tools.config.libs_dir)
    path = os.environ.get("LD_LIBRARY_PATH")
    return os.environ | {
        "COCOTB_TOPLEVEL": simulator.top,
        "TOPLEVEL_LANG": "verilog",
        "COCOTB_TEST_MODULES": module,
        "COCOTB_RESULTS_FILE": str(work / "results.xml"),
        "COCOTB_RANDOM_SEED": str(seed),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",  # Verilator applies them after the clock edge itself
        "COCOTB_ANSI_OUTPUT": "0",
        "COCOTB_LOG_LEVEL": "INFO",
        # By default every imported file is rewritten, which triples the time of a short run.
        "COCOTB_REWRITE_ASSERTION_FILES": f"{module.rpartition('.')[2]}.py",
        "GPI_USERS": f"{libpython};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
        "LD_LIBRARY_PATH": f"{libraries}{os.pathsep}{path}" if path else libraries,
        exchange.FOLDER_VARIABLE: str(work),
        **extra,
    }


def _failure(case: ElementTree.Element) -> str | None:
    """The failing assertion of a test case of ``results.xml``, or None if it passed."""
    for kind in ("failure", "error"):
        node = case.find(kind)
        if node is not None:
            text = node.get("error_msg") or node.get("message") or (node.text or "").strip()
            return f"{case.get('classname')}.{case.get('name')}: {text or kind}"
    return None


def _hdl_errors(log: str) -> list[str]:
    """Messages of ``$fatal``, ``$error`` and assertions in the simulator's output."""
    return list(dict.fromkeys(re.findall(r"^.*%(?:Error|Fatal).*$", log, re.MULTILINE)))[:4]


def _died(log: str, status: int) -> str:
    """Why a simulator that wrote no results ended."""
    errors = re.findall(r"^.*(?:\bCRITICAL\b|Error:).*$", log, re.MULTILINE)
    tail = _hdl_errors(log) + errors[:4] or log.strip().splitlines()[-15:]
    return f"the simulator ended with status {status} before its testbench did:\n" + "\n".join(tail)


def run_testbench(
    simulator: Simulator,
    test_module: str,
    *,
    test: str | None = None,
    env: Mapping[str, str] | None = None,
    plusargs: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    inputs: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
    waves: Path | None = None,
    timeout_s: float = 600.0,
) -> RunResult:
    """Run the cocotb tests of a module and return what they hand back.

    Parameters
    ----------
    test_module : str
        Import name, such as ``sim.testbenches.stream_component``.
    test : str
        Run only the test of this name; every test of the module by default.
    env : mapping
        More environment variables.
    plusargs : sequence of str
        Such as ``+memory=/path/image.hex``.
    parameters, inputs : mapping
        For `sim.exchange.parameters` (JSON) and `sim.exchange.inputs` (arrays) in the testbench.
    seed : int
        Seed of ``random`` in the testbench.
    waves : Path
        Write a VCD there; the simulator must have been built with ``trace=True``.
    timeout_s : float
        Wall-clock limit, seconds.

    Raises
    ------
    SimulationError
        A test failed (the text holds its assertion), or the simulator died.
    SimulationTimeoutError
        It ran past `timeout_s` and was stopped.
    """
    if waves is not None and not simulator.trace:
        raise SimulationError(
            f"{simulator.top}: built without waves, so cannot write {waves}; "
            "build it with trace=True"
        )
    with tempfile.TemporaryDirectory(prefix=f"bvit-{simulator.top}-") as name:
        work = Path(name)
        (work / "parameters.json").write_text(json.dumps(dict(parameters or {})))
        if inputs:
            np.savez(work / "inputs.npz", **inputs)
        extra = dict(env or {}) | ({"COCOTB_TEST_FILTER": f"{re.escape(test)}$"} if test else {})
        command = [str(simulator.executable), *plusargs]
        if waves is not None:
            command += ["--trace-file", str(Path(waves).resolve())]
        start = time.perf_counter()
        status, log = _run(
            command, work, _environment(simulator, test_module, work, seed, extra), timeout_s
        )
        seconds = time.perf_counter() - start
        results = work / "results.xml"
        if not results.exists():
            raise SimulationError(_died(log, status))
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
        failures = [text for case in cases if (text := _failure(case)) is not None]
        if failures:
            raise SimulationError("\n".join([*failures, *_hdl_errors(log), *_assertion(log)]))
        if status or not cases:
            raise SimulationError(_died(log, status))
        passed = tuple(case.get("name", "") for case in cases if case.find("skipped") is None)
        arrays, values = _returned(work)
    return RunResult(passed, arrays, values, log, seconds)


def _assertion(log: str) -> list[str]:
    """The lines of pytest's assertion report in a cocotb log, if there are any."""
    lines = re.findall(r"^\s*((?:\w+)?(?:Error|Exception)\b.*|assert .*)$", log, re.MULTILINE)
    return [f"  {line}" for line in dict.fromkeys(lines)]


def _returned(work: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays, values = work / "outputs.npz", work / "outputs.json"
    loaded = dict(np.load(arrays, allow_pickle=False)) if arrays.exists() else {}
    return loaded, json.loads(values.read_text()) if values.exists() else {}


def _run(
    command: list[str], work: Path, environment: dict[str, str], timeout_s: float
) -> tuple[int, str]:
    """Run the simulator; its exit status and its output."""
    with subprocess.Popen(
        command, cwd=work, env=environment, stdin=subprocess.DEVNULL, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            log, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            log, _ = process.communicate()
            tail = "\n".join(log.strip().splitlines()[-5:])
            raise SimulationTimeoutError(
                f"{Path(command[0]).name}: still running after {timeout_s:.0f} s; "
                f"raise timeout_s or look for a deadlock. Last lines:\n{tail}"
            ) from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, log
