"""A board whose design is small enough to route in a test: PLL and systolic array, no network."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Elaboratable, Module
from amaranth.lib import io
from amaranth_boards.ulx3s import ULX3S_12F_Platform

from bitstreams.boards import Board, Sdram
from bitstreams.boards.pll import Ecp5Clock
from bitstreams.device import ECP5_25F
from bitstreams.route_array import Harness
from hw.memory.sdram import SLOW_16X16M
from hw.spec.configuration import Configuration

TINY = Configuration("1x2x64-l8", rows=1, columns=2, lanes=8, cluster_columns=2, pool_lanes=2)


class ArrayOnly(Elaboratable):
    """The array's harness between three buttons, a switch and a LED."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains.pll = ClockDomain()  # the harness makes its own ``sync``
        m.domains.late = ClockDomain(reset_less=True)
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request("clk25", dir="-"))
        clock = Ecp5Clock(oscillator.i, platform.default_clk_frequency, self._board.clock_hz)
        m.submodules.clock = DomainRenamer("pll")(clock)
        m.submodules.harness = harness = Harness(self._board.configuration)
        m.d.comb += harness.clk.eq(ClockSignal("pll"))
        for name, member in (("up", "reset"), ("left", "advance"), ("right", "serial")):
            port = platform.request(f"button_{name}", dir="-")
            m.submodules[name] = button = io.Buffer("i", port)
            m.d.comb += getattr(harness, member).eq(button.i)
        m.submodules.led = led = io.Buffer("o", platform.request("led", dir="-"))
        m.d.comb += led.o.eq(harness.parity)
        return m


def small_board(configuration: Configuration = TINY) -> Board:
    # A 12F has the die of a 25F, and open tools use all of it.
    return Board("array-12f", ECP5_25F, ULX3S_12F_Platform, ArrayOnly, configuration,
                 100_000_000, 3_000_000, Sdram(SLOW_16X16M, 1), "ulx3s", ())  # fmt: skip


if __name__ == "__main__":
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from bitstreams.build import build
    from bitstreams.report import write_reports

    with TemporaryDirectory() as folder:
        write_reports(build(small_board(), Path(folder)), [], Path(__file__).parent / "small")
