"""Pads that every board's design has between its pins and the system: UART and LEDs."""

from __future__ import annotations

from amaranth.build import Platform
from amaranth.hdl import Module
from amaranth.lib import io

from hw.system import System


def uart_pads(m: Module, platform: Platform, system: System) -> None:
    """Join the link to the platform's ``uart``."""
    uart = platform.request("uart", dir="-")
    m.submodules.rx = rx = io.Buffer("i", uart.rx)
    m.submodules.tx = tx = io.Buffer("o", uart.tx)
    m.d.comb += [system.rx.eq(rx.i), tx.o.eq(system.tx)]


def led_pads(m: Module, platform: Platform, system: System) -> None:
    """Join what the system shows to LEDs from 0 on.

    LED 0 blinks, 1 a program runs, 2 the last one has ended, 3 the link executes a request.
    """
    for i, lit in enumerate(system.leds.as_value()):
        m.submodules[f"led{i}"] = led = io.Buffer("o", platform.request("led", i, dir="-"))
        m.d.comb += led.o.eq(lit)
