"""Builds and runs a board in simulation."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitstreams.boards import Board, Sdram
from bitstreams.build import TOP as DESIGN
from bitstreams.build import elaborate, sha256
from bitstreams.tools import find_tool, run, version
from bitstreams.virtual.wrapper import TOP, steps_a_cycle, wrapper
from sim.board.running import DESCRIPTOR, RunningBoard
from sim.board.top import TERMINAL_HEADERS, leds_header
from sim.build.cache import PROJECT, digest, fetch_or_make
from sim.build.program import build_program
from sim.build.simulator import RTL

MAIN = Path(__file__).with_name("main.cpp")
SCRIPT = "read_rtlil {0}.il; proc -nomux; memory_collect; opt_clean; write_verilog -noattr {0}.v"


@dataclass(frozen=True)
class Design:
    """A board's top as Verilog.

    Attributes
    ----------
    text : str
        The family's cells are instances in it.
    rtlil_sha256 : str
        Digest of the RTLIL that it was made from, and that a board's report names.
    """

    text: str
    rtlil_sha256: str


def key(board: Board) -> str:
    """All of a board that its design is made from, the same text in every process."""
    return repr((board.name, board.configuration, board.clock_hz, board.baud, board.memory))


def design(board: Board, report: Callable[[str], None] = lambda _: None) -> Design:
    """The very RTLIL that is synthesised for a board, written as Verilog; from the cache if kept.

    Raises
    ------
    ToolError
        Yosys is missing or failed.
    """
    yosys = find_tool("yosys")
    parts = {
        str(path.relative_to(PROJECT)): path.read_text()
        for package in ("hw", "bitstreams")
        for path in sorted((PROJECT / package).rglob("*.py"))
    }
    parts |= {f"tool {name}": importlib.metadata.version(name)
              for name in ("amaranth", "amaranth-boards")}  # fmt: skip
    parts |= {"yosys": version(yosys), "script": SCRIPT, "board": key(board)}

    def make(folder: Path) -> None:
        report(f"elaborate {board.name}")
        with tempfile.TemporaryDirectory(prefix="bvit-design-") as name:
            work = Path(name)
            elaborate(board, work)
            (folder / "rtlil.sha256").write_text(sha256(work / f"{DESIGN}.il"))
            script = SCRIPT.format(DESIGN)
            run([yosys, "-q", "-l", "design.log", "-p", script], work, "design.log")
            (folder / f"{DESIGN}.v").write_text((work / f"{DESIGN}.v").read_text())

    folder, _ = fetch_or_make("board", digest(parts), make)
    return Design((folder / f"{DESIGN}.v").read_text(), (folder / "rtlil.sha256").read_text())


def build_simulation(board: Board, report: Callable[[str], None] = lambda _: None) -> Path:
    """The executable of a board, from the cache where nothing changed.

    Raises
    ------
    ToolError
        Yosys is missing or failed.
    SimulatorBuildError
        A tool is missing, or the Verilog or C++ does not compile.
    """
    platform, pins = board.platform(), board.device.family.pins
    steps = steps_a_cycle(board, platform.default_clk_frequency)
    sources = {
        # Amaranth's FIFO between clocks uses its reset both ways, on purpose.
        f"{DESIGN}.v": "/* verilator lint_off SYNCASYNCNET */\n" + design(board, report).text,
        pins.name: pins.read_text(),
        f"{TOP}.v": wrapper(board, platform),
    }
    if isinstance(board.memory, Sdram):
        sources["sdram.v"] = (RTL / "sdram.v").read_text()
    header = (
        "// Written by bitstreams.virtual.\n"
        + leds_header()
        + f"constexpr uint64_t STEPS_A_CYCLE = {steps};\n"
        f"constexpr double STEPS_A_BIT = {steps * board.clock_hz / board.baud!r};\n"
    )
    return build_program(
        TOP, sources, MAIN, headers=TERMINAL_HEADERS, written={"board.h": header}, report=report
    ).path


class SimulatedBoard(RunningBoard):
    """A board's FPGA from pin to pin, the memory chip on it, and a pseudo-terminal for its UART.

    Every cycle of every clock is simulated: hundreds of thousands a second, while a board has
    millions.

    Parameters
    ----------
    board : Board
    report : callable
        Called with one line of progress a step of the build.
    options : sequence of str
        ``+read_delay=N``: words read are at the FPGA N quarters of a period after the memory chip's
        clock edge, not as many as pads and board are assumed to take; ``+t_rcd_ps=N`` and whatever
        else ``sim/rtl/sdram.v`` knows.

    Raises
    ------
    ToolError, SimulatorBuildError
        As :func:`build_simulation`.
    """

    def __init__(
        self,
        board: Board,
        report: Callable[[str], None] = lambda _: None,
        *,
        options: Sequence[str] = (),
    ) -> None:
        super().__init__(build_simulation(board, report), [DESCRIPTOR, *options])
