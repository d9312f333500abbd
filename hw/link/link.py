"""From the UART's pins to the accelerator's registers and memory port."""

from __future__ import annotations

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.interfaces import MemoryPort
from hw.link.executor import Executor
from hw.link.frames import FrameReceiver, FrameSender
from hw.link.memory_access import MemoryAccess
from hw.link.uart import UartReceiver, UartTransmitter, bit_period
from hw.spec.link import BEAT_BYTES

PATIENCE = 1 << 20
"""Clock cycles in which the memory port must move: 20 ms at 50 MHz, any memory is slower to start
than to answer, and those start in less than 1 ms."""


class Link(wiring.Component):
    """Executes and answers the host's requests, :mod:`hw.spec.link`.

    ::

        rx ─► uart ─► frame receiver ─► executor ── host bus
        tx ◄─ uart ◄─ frame sender ◄──────┤
                                 memory access ── port

    One request is executed while the next is received and waits; a third one is dropped, and comes
    again.  A memory port that does not move for `patience` cycles is given up:
    the request is dropped, accelerator and memory controller are reset.  So the link comes back to
    rest from any state.  Golden partner: the driver, :mod:`sw.driver.serial`.  Validated with it
    through the pins, with faults on the line in both directions.

    Parameters
    ----------
    clock_hz, baud : int
        See :class:`hw.system.System`.
    memory_beats : int
        Size of external memory.
    patience : int
        Clock cycles.

    Members
    -------
    rx : In(1)
        Pin, asynchronous.
    tx : Out(1)
        Pin.
    host_address : Out(8)
        Register, see :class:`hw.control.registers.Registers`.
    host_write : Out(1)
        Write it.
    host_data_in : Out(32)
        Data to write.
    host_data : In(32)
        Data read, a cycle after its address.
    host_access : Out(1)
        A register is being read or written.
    busy : In(1)
        A program runs.
    port : Out(MemoryPort)
        External memory, in bursts of one beat.
    reset : Out(1)
        Reset accelerator and memory controller, for a cycle.
    active : Out(1)
        A request is being executed.
    """

    def __init__(
        self, *, clock_hz: int, baud: int, memory_beats: int, patience: int = PATIENCE
    ) -> None:
        self._period = bit_period(clock_hz, baud)
        self._clock_hz, self._memory_beats, self._patience = clock_hz, memory_beats, patience
        super().__init__(
            {
                "rx": In(1, init=1),
                "tx": Out(1, init=1),
                "host_address": Out(8),
                "host_write": Out(1),
                "host_data_in": Out(32),
                "host_data": In(32),
                "host_access": Out(1),
                "busy": In(1),
                "port": Out(MemoryPort(8 * BEAT_BYTES)),
                "reset": Out(1),
                "active": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        give_up = Signal()
        abandoned = ResetInserter(give_up)
        m.submodules.uart_in = uart_in = UartReceiver(self._period)
        m.submodules.uart_out = uart_out = UartTransmitter(self._period)
        m.submodules.receiver = receiver = FrameReceiver()
        sender, access = FrameSender(), MemoryAccess(self._patience)
        executor = Executor(self._clock_hz, self._memory_beats)
        m.submodules.sender = abandoned(sender)
        m.submodules.executor = abandoned(executor)
        m.submodules.access = abandoned(access)

        connect(m, executor.answer, sender.frame)
        connect(m, sender.line, uart_out.bytes)
        connect(m, executor.access, access.access)
        connect(m, executor.to_memory, access.to_memory)
        connect(m, access.from_memory, executor.from_memory)
        connect(m, access.port, flipped(self.port))
        m.d.sync += [
            receiver.valid.eq(uart_in.valid),
            receiver.byte.eq(uart_in.byte),
            receiver.error.eq(uart_in.error),
            give_up.eq(access.stuck & ~give_up),
            self.reset.eq(executor.reset | (access.stuck & ~give_up)),
        ]
        m.d.comb += [
            uart_in.rx.eq(self.rx),
            self.tx.eq(uart_out.tx),
            executor.header.valid.eq(receiver.header.valid),
            executor.header.payload.eq(receiver.header.payload),
            receiver.header.ready.eq(executor.header.ready | give_up),
            receiver.address.eq(executor.address),
            executor.data.eq(receiver.data),
            self.host_address.eq(executor.host_address),
            self.host_write.eq(executor.host_write),
            self.host_data_in.eq(executor.host_data_in),
            executor.host_data.eq(self.host_data),
            self.host_access.eq(executor.host_access),
            executor.busy.eq(self.busy),
            self.active.eq(receiver.header.valid),
        ]
        return m
