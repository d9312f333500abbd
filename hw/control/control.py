"""Everything between the host, the memory port and the units."""

from __future__ import annotations

from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.control.arbiter import PortArbiter
from hw.control.dispatch import UNITS, Dispatch
from hw.control.fetch import Fetch
from hw.control.loader import Loader
from hw.control.registers import Registers
from hw.control.store import Store
from hw.interfaces import (
    MemoryPort,
    column_write,
    command_stream,
    exp_write,
    parameter_write,
    u_read,
    x_read,
    x_write,
)
from hw.spec.commands import Engine
from hw.spec.configuration import Configuration

COMPUTE = ("array", "lanes", "attention", "grid", "branch", "dense")
"""Units outside this component that take commands."""


class Control(wiring.Component):
    """Fetches a program, dispatches its commands, and runs LOAD and STORE itself.

    Latency, throughput and back-pressure are those of its parts: :class:`Registers`,
    :class:`Fetch`, :class:`Dispatch`, :class:`Loader`, :class:`Store`, :class:`PortArbiter`.
    Golden partner: none.  Validated with model units and a model memory of random latency.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes.

    Members
    -------
    host_address : In(8)
        See :class:`Registers`.
    host_write : In(1)
        See :class:`Registers`.
    host_data_in : In(32)
        See :class:`Registers`.
    host_data : Out(32)
        See :class:`Registers`.
    busy : Out(1)
        A run is in progress.
    done : Out(1)
        The last run has ended.
    cycles : Out(32)
        Cycles of the run.
    port : Out(MemoryPort)
        External memory.
    array : Out(command_stream(LINEAR))
        Commands of the array.
    lanes : Out(command_stream(LINEAR))
        Commands of the lanes.
    attention : Out(command_stream(SCORE))
        Commands of the attention unit.
    grid : Out(command_stream(GRID))
        Commands of the pooling unit.
    branch : Out(command_stream(BRANCH))
        Commands of the pooling unit.
    dense : Out(command_stream(DENSE))
        Commands of the dense unit.
    lanes_done : In(1)
        The lanes have completed a command.
    attention_done : In(1)
        The attention unit has completed a command.
    pool_done : In(1)
        The pooling unit has completed a command.
    dense_done : In(1)
        The dense unit has completed a command.
    unit_busy : In(5)
        Array, lanes, attention, pooling, dense: for the busy counters.
    x_read : Out(x_read(configuration))
        STORE from x.
    u_read : Out(u_read(configuration))
        STORE from u.
    x_write : Out(x_write(configuration))
        LOAD to x.
    column_write : Out(column_write(configuration))
        LOAD to column memory.
    parameter_write : Out(parameter_write(configuration))
        LOAD to parameter memory.
    exp_write : Out(exp_write(configuration))
        LOAD to the exponential table.
    load_stall : In(1)
        See :class:`Loader`.
    store_stall : In(1)
        See :class:`Store`.
    dispatch_stall : In(1)
        See :class:`Dispatch`.
    complete_valid : Out(6)
        See :class:`Dispatch`.
    complete_tag : Out(12 x 6)
        See :class:`Dispatch`.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "host_address": In(8),
                "host_write": In(1),
                "host_data_in": In(32),
                "host_data": Out(32),
                "busy": Out(1),
                "done": Out(1),
                "cycles": Out(32),
                "port": Out(MemoryPort(c.port_bits)),
                **{unit: Out(command_stream(UNITS[unit])) for unit in COMPUTE},
                "lanes_done": In(1),
                "attention_done": In(1),
                "pool_done": In(1),
                "dense_done": In(1),
                "unit_busy": In(5),
                "x_read": Out(x_read(c)),
                "u_read": Out(u_read(c)),
                "x_write": Out(x_write(c)),
                "column_write": Out(column_write(c)),
                "parameter_write": Out(parameter_write(c)),
                "exp_write": Out(exp_write(c)),
                "load_stall": In(1),
                "store_stall": In(1),
                "dispatch_stall": In(1),
                "complete_valid": Out(len(Engine)),
                "complete_tag": Out(data.ArrayLayout(12, len(Engine))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        m.submodules.registers = registers = Registers(c)
        m.submodules.fetch = fetch = Fetch(c)
        m.submodules.dispatch = dispatch = Dispatch(c)
        m.submodules.loader = loader = Loader(c)
        m.submodules.store = store = Store(c)
        m.submodules.arbiter = arbiter = PortArbiter(c)

        # Commands.
        connect(m, fetch.command, dispatch.command)
        connect(m, dispatch.load, loader.command)
        connect(m, dispatch.store, store.command)
        for unit in COMPUTE:
            connect(m, getattr(dispatch, unit), flipped(getattr(self, unit)))

        # Memory port.
        connect(m, fetch.request, arbiter.fetch_request)
        connect(m, arbiter.fetch_data, fetch.data)
        connect(m, loader.request, arbiter.load_request)
        connect(m, arbiter.load_data, loader.data)
        connect(m, store.request, arbiter.store_request)
        connect(m, store.data, arbiter.store_data)
        connect(m, arbiter.port, flipped(self.port))

        # On-chip memories.
        connect(m, store.x, flipped(self.x_read))
        connect(m, store.u, flipped(self.u_read))
        for name in ("x_write", "column_write", "parameter_write", "exp_write"):
            connect(m, getattr(loader, name), flipped(getattr(self, name)))

        # Host, starts and ends.
        m.d.comb += [
            registers.host_address.eq(self.host_address),
            registers.host_write.eq(self.host_write),
            registers.host_data_in.eq(self.host_data_in),
            self.host_data.eq(registers.host_data),
            self.busy.eq(registers.busy),
            self.done.eq(registers.done),
            self.cycles.eq(registers.cycles),
            fetch.start.eq(registers.start),
            fetch.program.eq(registers.program),
            dispatch.start.eq(registers.start),
            registers.finished.eq(dispatch.finished),
            registers.fetching.eq(fetch.busy),
            registers.events.eq(
                Cat(
                    loader.data.valid & loader.data.ready,
                    store.data.valid & store.data.ready,
                    fetch.data.valid & fetch.data.ready,
                    self.unit_busy,
                )
            ),
            # In the order of Engine.
            dispatch.done.eq(
                Cat(
                    loader.done,
                    store.done,
                    self.lanes_done,
                    self.attention_done,
                    self.pool_done,
                    self.dense_done,
                )
            ),
            self.complete_valid.eq(dispatch.complete_valid),
            self.complete_tag.eq(dispatch.complete_tag),
            loader.stall.eq(self.load_stall),
            store.stall.eq(self.store_stall),
            dispatch.stall.eq(self.dispatch_stall),
        ]
        return m
