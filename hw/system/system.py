"""The top of a bitstream: UART pins, link, accelerator, shared memory."""

from __future__ import annotations

from amaranth.hdl import DomainRenamer, Module, ResetInserter, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect

from hw.accelerator import Accelerator
from hw.link.link import Link
from hw.spec.configuration import Configuration
from hw.system.share import PortShare

LEDS = data.StructLayout({"alive": 1, "busy": 1, "done": 1, "link": 1})
"""Blinks about once a second; a program runs; the last one has ended; a request is executed."""


class System(wiring.Component):
    """An accelerator with its memory, reached through a UART.

    ::

        rx ─► link ── host bus ──► accelerator
        tx ◄─  │                        │
               └──── port ──► share ◄───┘
                                │
                              memory ── its own pins

    The link's accesses come first: a beat at a time, at the pace of the UART.  Its request RESET
    resets all but itself.  One clock domain, ``sync``; its clock and its reset at power-up are
    those of whoever makes the top.

    No golden partner.  Validated by whole networks through the pins (:mod:`sim.board`).

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes.
    memory : wiring.Component
        External memory: a member ``port : In(MemoryPort(128))`` and an attribute ``beats``, its
        size.  It becomes a submodule here; pins of its own are wired by whoever made it, through
        members of its own.  It is reset by ``sync``'s reset and by RESET, at any moment: no burst
        of before may come through afterwards, and its contents need not survive.
    clock_hz : int
        Frequency of ``sync``.
    baud : int
        Bits a second on `rx` and `tx`: at most a quarter of `clock_hz`.
    accelerator_domain : str
        Clock domain of the accelerator: the clock and reset of ``sync``.  Another name is for
        those who stop its clock in cycles in which `active` is low.

    Members
    -------
    rx : In(1)
        UART to the device, asynchronous, 8 bits, no parity, 1 stop bit.
    tx : Out(1)
        UART to the host.
    leds : Out(LEDS)
        For the eye, active high.
    active : Out(1)
        The accelerator's state may change; while it is low, nothing but its clock reaches it.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        memory: wiring.Component,
        clock_hz: int,
        baud: int,
        accelerator_domain: str = "sync",
    ) -> None:
        self._configuration, self._memory = configuration, memory
        self._clock_hz, self._baud = clock_hz, baud
        self._accelerator_domain = accelerator_domain
        super().__init__(
            {"rx": In(1, init=1), "tx": Out(1, init=1), "leds": Out(LEDS), "active": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = Link(
            clock_hz=self._clock_hz, baud=self._baud, memory_beats=self._memory.beats
        )
        accelerator = Accelerator(self._configuration)
        share, memory = PortShare(), self._memory
        # The accelerator's reset is a register of its own clock, a cycle behind; until then, too,
        # nothing of before may reach memory.
        core_reset = Signal()
        m.d[self._accelerator_domain] += core_reset.eq(link.reset)
        m.submodules.accelerator = DomainRenamer(self._accelerator_domain)(
            ResetInserter(core_reset)(accelerator)
        )
        resettable = ResetInserter(link.reset | core_reset)
        m.submodules.share = resettable(share)
        m.submodules.memory = resettable(memory)

        connect(m, link.port, share.client[0])
        connect(m, accelerator.port, share.client[1])
        connect(m, share.memory, memory.port)

        # A run's last writes have left the units some cycles before `busy` falls; the clock goes on
        # a while all the same, so that whatever still moves comes to rest.
        resting = Signal(8)
        m.d.sync += resting.eq(resting + ~resting.all())
        with m.If(accelerator.busy | link.host_access | link.reset):
            m.d.sync += resting.eq(0)

        second = Signal(range(self._clock_hz))
        m.d.sync += second.eq(second + 1)
        with m.If(second == self._clock_hz - 1):
            m.d.sync += second.eq(0)
        m.d.comb += [
            link.rx.eq(self.rx),
            self.tx.eq(link.tx),
            accelerator.host_address.eq(link.host_address),
            accelerator.host_write.eq(link.host_write),
            accelerator.host_data_in.eq(link.host_data_in),
            link.host_data.eq(accelerator.host_data),
            link.busy.eq(accelerator.busy),
            self.leds.alive.eq(second < self._clock_hz // 2),
            self.leds.busy.eq(accelerator.busy),
            self.leds.done.eq(accelerator.done),
            self.leds.link.eq(link.active),
            self.active.eq(link.host_access | link.reset | ~resting.all()),
        ]
        return m
