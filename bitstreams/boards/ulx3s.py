"""ULX3S (Radiona): ECP5 12F to 85F, 25 MHz, FTDI UART, one 16-bit SDRAM of 32 MiB."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import io

from bitstreams.boards.board import Board
from bitstreams.boards.pads import led_pads, uart_pads
from bitstreams.boards.pll import Ecp5Clock
from bitstreams.boards.sdram import SdramPads, late_clock
from hw.memory.crossing import CrossedMemory
from hw.memory.sdram import SdramController, SdramTiming
from hw.system import System


class Ulx3s(Elaboratable):
    """The system between the board's pins."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def elaborate(self, platform) -> Module:  # noqa: D102
        m = Module()
        board = self._board
        m.domains.sync = ClockDomain()
        if board.memory.ratio > 1:
            m.domains.memory = ClockDomain(reset_less=True)
        m.domains.late = ClockDomain(reset_less=True)
        timing = SdramTiming(board.memory.chip, board.memory_hz)
        quarters, capture = late_clock(timing)
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request("clk25", dir="-"))
        m.submodules.clock = clock = Ecp5Clock(
            oscillator.i,
            platform.default_clk_frequency,
            board.clock_hz,
            ratio=board.memory.ratio,
            late_quarters=quarters,
        )
        # A memory at the accelerator's clock needs no crossing.
        crosses = board.memory.ratio > 1
        controller = SdramController(timing, capture)
        port = platform.request("sdram", dir="-")
        m.submodules.sdram = SdramPads(controller, port, "memory" if crosses else "sync", "late")
        m.submodules.system = system = System(
            board.configuration,
            memory=CrossedMemory(controller, "memory") if crosses else controller,
            clock_hz=round(clock.hz),
            baud=board.baud,
        )
        uart_pads(m, platform, system)
        # The ESP32 reads this pin when it starts; low, it would take the board over.
        m.submodules.keep = keep = io.Buffer("o", platform.request("esp32", dir="-").gpio0)
        m.d.comb += keep.o.eq(1)
        led_pads(m, platform, system)
        return m
