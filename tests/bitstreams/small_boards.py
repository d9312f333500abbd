"""Boards whose design is small enough to route in a test: clock and systolic array, no network."""

from __future__ import annotations

from pathlib import Path

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Elaboratable, Module
from amaranth.lib import io
from amaranth_boards.ulx3s import ULX3S_12F_Platform

from bitstreams.boards import Board, OnChip, Sdram
from bitstreams.boards.halved import HalvedClock
from bitstreams.boards.pll import Ecp5Clock
from bitstreams.boards.tang_mega import TangMega138kPro
from bitstreams.device import ECP5_25F, GW5AST_138
from bitstreams.route_array import Harness
from hw.memory.sdram import SLOW_16X16M
from hw.spec.configuration import Configuration

TINY = Configuration("1x2x64-l8", rows=1, columns=2, lanes=8, cluster_columns=2, pool_lanes=2)


class ArrayOnly(Elaboratable):
    """The array's harness between the oscillator, three buttons and a LED."""

    clock = Ecp5Clock
    buttons = ("button_up", 0), ("button_left", 0), ("button_right", 0)

    def __init__(self, board: Board) -> None:
        self._board = board

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains.pll = ClockDomain()  # the harness makes its own ``sync``
        if self.clock is Ecp5Clock:
            m.domains.late = ClockDomain(reset_less=True)
        pin = platform.request(platform.default_clk, dir="-")
        m.submodules.oscillator = oscillator = io.Buffer("i", pin)
        clock = self.clock(oscillator.i, platform.default_clk_frequency, self._board.clock_hz)
        m.submodules.clock = DomainRenamer("pll")(clock)
        m.submodules.harness = harness = Harness(self._board.configuration)
        m.d.comb += harness.clk.eq(ClockSignal("pll"))
        for button, member in zip(self.buttons, ("reset", "advance", "serial"), strict=True):
            buffer = io.Buffer("i", platform.request(*button, dir="-"))
            m.submodules[member] = buffer
            m.d.comb += getattr(harness, member).eq(buffer.i)
        m.submodules.led = led = io.Buffer("o", platform.request("led", dir="-"))
        m.d.comb += led.o.eq(harness.parity)
        return m


class ArrayOnlyOnGowin(ArrayOnly):
    clock = HalvedClock
    buttons = ("button", 0), ("button", 1), ("button", 2)


# fmt: off
SMALL = {
    # A 12F has the die of a 25F, and open tools use all of it.
    "ecp5": Board("array-12f", ECP5_25F, ULX3S_12F_Platform, ArrayOnly, TINY, 100_000_000,
                  3_000_000, Sdram(SLOW_16X16M, 1), "ulx3s", ()),
    "gw5a": Board("array-138k", GW5AST_138, TangMega138kPro, ArrayOnlyOnGowin, TINY, 25_000_000,
                  1_000_000, OnChip(512), "tangmega138k", ()),
}
# fmt: on


def committed(family: str) -> Path:
    """Folder of a small board's reports."""
    return Path(__file__).parent / f"small_{family}"


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    from bitstreams.build import build
    from bitstreams.report import write_reports

    for family, board in SMALL.items():
        with TemporaryDirectory() as folder:
            write_reports(build(board, Path(folder), report=print), [], committed(family))
