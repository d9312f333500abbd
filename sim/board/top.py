"""The bitstream's top with its memory port on pins, as an executable from the cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amaranth.hdl import ClockDomain, ClockSignal, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.interfaces import MemoryPort
from hw.spec.configuration import Configuration
from hw.system import System
from hw.system.system import LEDS
from sim.build import cached_verilog
from sim.build.program import build_program

TOP = "virtual_board"
MAIN = Path(__file__).with_name("main.cpp")
TERMINAL_HEADERS = (Path(__file__).with_name("terminal.h"), Path(__file__).with_name("uart.h"))
"""Of the pseudo-terminal."""
HEADERS = (
    *TERMINAL_HEADERS,
    Path(__file__).parents[1] / "native" / "memory.h",
    Path(__file__).parents[1] / "native" / "timed_memory.h",
)
CLOCK_HZ = 1_000_000
"""What the board says of its clock; a simulator's is about that."""
CYCLES_A_BIT = 4
"""The least that the UART takes: a byte is 40 clock cycles."""
PORT = MemoryPort()


class PortPins(wiring.Component):
    """External memory outside: its port is led through to `pins`.

    Members
    -------
    port : In(MemoryPort)
        Client.
    pins : Out(MemoryPort)
        The same.
    fresh : Out(1)
        The cycle after a reset.
    """

    def __init__(self, beats: int) -> None:
        self.beats = beats
        super().__init__({"port": In(PORT), "pins": Out(PORT), "fresh": Out(1, init=1)})

    def elaborate(self, platform):  # noqa: D102 - Amaranth's
        m = Module()
        connect(m, flipped(self.port), flipped(self.pins))
        m.d.sync += self.fresh.eq(0)
        return m


class BoardTop(wiring.Component):
    """:class:`hw.system.System` with :class:`PortPins`; ports have names that C++ has, too.

    Members
    -------
    As :class:`hw.system.System`; those of a MemoryPort with ``_`` between the parts; `fresh`;
    `clk`, and `core_clk`, the same but at rest where ``active`` is low.
    """

    def __init__(self, configuration: Configuration, beats: int) -> None:
        self._configuration, self._beats = configuration, beats
        super().__init__(
            {
                "clk": In(1),
                "core_clk": In(1),
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "leds": Out(LEDS.size),
                "active": Out(1),
                "fresh": Out(1),
                "request_valid": Out(1),
                "request_ready": In(1),
                "request_write": Out(1),
                "request_address": Out(32),
                "request_beats": Out(16),
                "write_valid": Out(1),
                "write_ready": In(1),
                "write_data": Out(128),
                "read_valid": In(1),
                "read_ready": Out(1),
                "read_data": In(128),
            }
        )

    def elaborate(self, platform):  # noqa: D102 - Amaranth's
        m = Module()
        memory = PortPins(self._beats)
        m.submodules.system = system = System(
            self._configuration,
            memory=memory,
            clock_hz=CLOCK_HZ,
            baud=CLOCK_HZ // CYCLES_A_BIT,
            accelerator_domain="core",
        )
        # Verilator evaluates all that depends on an input twice a cycle, and a reset is an input of
        # everything: registers begin at their initial values instead, as in an FPGA, and memory's
        # answers come through registers between the clock's edges.
        for name, edge, clock in (
            ("sync", "pos", self.clk), ("core", "pos", self.core_clk), ("fall", "neg", self.clk)
        ):  # fmt: skip
            m.domains += ClockDomain(name, clk_edge=edge, reset_less=True, local=True)
            m.d.comb += ClockSignal(name).eq(clock)
        pins = memory.pins
        request: Signal = pins.request.payload
        m.d.comb += [
            system.rx.eq(self.rx),
            self.tx.eq(system.tx),
            self.leds.eq(system.leds),
            self.active.eq(system.active),
            self.fresh.eq(memory.fresh),
            self.request_valid.eq(pins.request.valid),
            self.request_write.eq(request.write),
            self.request_address.eq(request.address),
            self.request_beats.eq(request.beats),
            self.write_valid.eq(pins.write.valid),
            self.write_data.eq(pins.write.payload),
            self.read_ready.eq(pins.read.ready),
        ]
        m.d.fall += [
            pins.request.ready.eq(self.request_ready),
            pins.write.ready.eq(self.write_ready),
            pins.read.valid.eq(self.read_valid),
            pins.read.payload.eq(self.read_data),
        ]
        return m


def leds_header() -> str:
    """C++ masks of the LEDs by which a board is seen to rest."""
    masks = ", ".join(f"LED_{name.upper()} = {1 << LEDS[name].offset}" for name in ("busy", "link"))
    return f"constexpr unsigned {masks};\n"


def build_board(
    configuration: Configuration, beats: int, report: Callable[[str], None] = lambda _: None
) -> Path:
    """The executable of a configuration's virtual board, from the cache where nothing changed.

    Raises
    ------
    SimulatorBuildError
        A tool is missing, or the Verilog or C++ does not compile.
    """
    report(f"elaborate {TOP} {configuration.name}")
    text, _ = cached_verilog(
        lambda: BoardTop(configuration, beats),
        TOP,
        f"{configuration!r} {beats} {Path(__file__).read_text()}",
    )
    header = (
        f"// Written by sim.board.top.\n{leds_header()}"
        f"constexpr unsigned CYCLES_A_BIT = {CYCLES_A_BIT};\n"
    )
    return build_program(
        TOP, {f"{TOP}.v": text}, MAIN, headers=HEADERS, written={"board.h": header}, report=report
    ).path
