"""Tang Mega 138K Pro Dock (Sipeed): GW5AST-138, 50 MHz, a UART bridge; its DDR3 is not used."""

from __future__ import annotations

from amaranth.build.run import BuildPlan
from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import io
from amaranth_boards.tang_mega_138k_pro_dock import TangMega138kProDockPlatform

from bitstreams.boards.board import Board
from bitstreams.boards.halved import HalvedClock
from bitstreams.boards.pads import led_pads, uart_pads
from hw.system import OnChipMemory, System


class TangMega138kPro(TangMega138kProDockPlatform):
    """The dock's pins."""

    chip = "GW5AST-138C"
    """Apycula's name of the device."""

    def parse_part(self) -> None:
        """Amaranth 0.5 cannot parse this part's name; it needs what is in it for Gowin's tools."""
        self.series = self.series_f = "GW5AST"
        self.subseries_f = "C"

    def toolchain_prepare(self, fragment, name: str, **options) -> BuildPlan:
        """Put the halved clock on the global network: nextpnr does so by itself for pins alone."""
        plan = super().toolchain_prepare(fragment, name, **options)
        plan.files[f"{name}.cst"] += 'CLOCK_LOC "clk" BUFG;\n'
        return plan


class TangMega(Elaboratable):
    """The system between the board's pins, its memory on the chip."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def elaborate(self, platform) -> Module:  # noqa: D102
        m = Module()
        board = self._board
        m.domains.sync = ClockDomain()
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request("clk50", dir="-"))
        m.submodules.clock = HalvedClock(
            oscillator.i, platform.default_clk_frequency, board.clock_hz
        )
        m.submodules.system = system = System(
            board.configuration,
            memory=OnChipMemory(board.memory.beats),
            clock_hz=board.clock_hz,
            baud=board.baud,
        )
        uart_pads(m, platform, system)
        led_pads(m, platform, system)
        return m
