"""The host's registers."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.spec.configuration import Configuration
from hw.spec.digest import contract_digest
from hw.spec.registers import IDENTITY, REGISTERS

EVENTS = (
    "load_beats",
    "store_beats",
    "program_beats",
    "array_busy",
    "lanes_busy",
    "attention_busy",
    "pool_busy",
    "dense_busy",
)
"""Registers that count the cycles of a run in which an event is high."""


class Registers(wiring.Component):
    """Registers of :data:`hw.spec.registers.REGISTERS` on a 32-bit bus.

    A write takes effect at the end of its cycle; `host_data` is the register that
    `host_address` named one cycle before (0 for an unknown one).  A write to ``program`` while idle
    starts a run in the next cycle, which sets all counts to 0; while busy it is ignored.  The run
    ends in the first cycle in which `finished` has been and `fetching` is low.

    Golden partner: none.  Validated within :class:`hw.control.control.Control`.

    Parameters
    ----------
    configuration : Configuration
        Gives the geometry and configuration registers.

    Members
    -------
    host_address : In(8)
        Register (32-bit words).
    host_write : In(1)
        Write `host_data_in` to it.
    host_data_in : In(32)
        Data to write.
    host_data : Out(32)
        Data read, a cycle after its address.
    start : Out(1)
        First cycle of a run.
    program : Out(32)
        First beat of the program.
    busy : Out(1)
        A run is in progress, from `start` on.
    done : Out(1)
        The last run has ended and no other has started.
    cycles : Out(32)
        Cycles with `busy` high so far in this run, or of the last one.
    finished : In(1)
        END is taken.
    fetching : In(1)
        Program beats are still to come.
    events : In(8)
        A bit each of EVENTS.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "host_address": In(8),
                "host_write": In(1),
                "host_data_in": In(32),
                "host_data": Out(32),
                "start": Out(1),
                "program": Out(32),
                "busy": Out(1),
                "done": Out(1),
                "cycles": Out(32),
                "finished": In(1),
                "fetching": In(1),
                "events": In(len(EVENTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        geometry = c.rows | c.columns << 8 | c.lanes << 16 | c.pool_lanes << 24
        counts = {name: Signal(32, name=name, reset_less=True) for name in EVENTS}
        values = {
            "identity": Const(IDENTITY, 32),
            "contract": Const(int(contract_digest()[:8], 16), 32),
            "geometry": Const(geometry, 32),
            "configuration": Const(int(c.digest[:8], 16), 32),
            "program": self.program,
            "status": self.busy | self.done << 1,
            "cycles": self.cycles,
            **counts,
        }
        with m.Switch(self.host_address):
            for name, register in REGISTERS.items():
                with m.Case(register.address):
                    m.d.sync += self.host_data.eq(values[name])
            with m.Default():
                m.d.sync += self.host_data.eq(0)

        # Events count a cycle later; none is as late as the last cycle of a run.
        events = Signal(len(EVENTS))
        m.d.sync += events.eq(self.events)
        for count, event in zip(counts.values(), events, strict=True):
            with m.If(self.start):
                m.d.sync += count.eq(0)
            with m.Elif(self.busy & event):
                m.d.sync += count.eq(count + 1)
        with m.If(self.start):
            m.d.sync += self.cycles.eq(1)
        with m.Elif(self.busy):
            m.d.sync += self.cycles.eq(self.cycles + 1)

        ending = Signal()
        writes = self.host_write & (self.host_address == REGISTERS["program"].address)
        m.d.sync += self.start.eq(0)
        with m.If(self.busy):
            m.d.sync += ending.eq(ending | self.finished)
            with m.If(ending & ~self.fetching):
                m.d.sync += [self.busy.eq(0), self.done.eq(1), ending.eq(0)]
        with m.Elif(writes):
            m.d.sync += [
                self.start.eq(1),
                self.busy.eq(1),
                self.done.eq(0),
                self.program.eq(self.host_data_in),
            ]
        return m
