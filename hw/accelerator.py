"""The accelerator: control, memories and units, wired as in the block diagram."""

from __future__ import annotations

from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.array.unit import ArrayUnit
from hw.attention.unit import Attention
from hw.control import Control
from hw.dense.unit import Dense
from hw.interfaces import (
    MemoryPort,
    branch_trace,
    column_write,
    dense_trace,
    grid_trace,
    lanes_trace,
    parameter_read,
    probability_trace,
    row_write,
    score_trace,
    u_read,
    u_write,
    x_read,
    x_write,
)
from hw.lanes.unit import Lanes
from hw.memory import (
    ColumnMemory,
    ParameterMemory,
    ReadArbiter,
    RowMemory,
    ValueMemory,
    WriteArbiter,
)
from hw.pooling.unit import Pooling
from hw.spec.commands import Engine
from hw.spec.configuration import Configuration


class Accelerator(wiring.Component):
    """Runs programs of :mod:`hw.spec.commands` from external memory.

    ::

                  control ── commands ──┬─ load ── port ─► column, parameter, x, exp table
                                        ├─ store ◄─ x, u
       row memory ─► array ── results ──┼─► lanes ─► x, u, row memory, column memory
       column memory ─► │ scores        │    ▲ x, u, parameters
                        ▼               │
                     attention ─► row memory
       x ─► pooling ─► u       x, u, parameters ─► dense ─► u, on multipliers of the lanes

    Throughput: an operand word a cycle in the array, a beat of `lanes` channels a cycle in the
    lanes, `pool_lanes` channels a cycle in the pooling unit, a weight word a cycle in the dense
    unit where the lanes take no beat, a beat a cycle at the port; units run side by side as their
    commands' waits allow.
    Respects back-pressure of the port.  Golden partner: :mod:`sw.golden`, the whole of it.
    Validated by the whole-network tests.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes.

    Members
    -------
    host_address : In(8)
        Register, see :class:`hw.control.registers.Registers`.
    host_write : In(1)
        Write it.
    host_data_in : In(32)
        Data to write.
    host_data : Out(32)
        Data read, a cycle after its address.
    port : Out(MemoryPort)
        External memory.
    stall : In(8)
        Test: bits 0 array, 1 lanes, 2 attention, 3 pooling, 4 loader, 5 store, 6 dispatch, 7 dense
        hold that unit's intake in a cycle.  Tie to 0.
    busy : Out(1)
        A run is in progress.
    done : Out(1)
        The last run has ended and no other has started.
    now : Out(32)
        Cycles since the start of the run (the register ``cycles``).
    complete_valid : Out(6)
        A command of the engine (bit: Engine) completed in the cycle before.
    complete_tag : Out(12 x 6)
        Its tag.
    lanes_trace_valid : Out(1)
        The lanes show a beat.
    lanes_trace : Out(lanes_trace(configuration))
        That beat.
    score_trace_valid : Out(1)
        The attention unit shows a score beat.
    score_trace : Out(score_trace(configuration))
        That beat.
    probability_trace_valid : Out(1)
        The attention unit shows attention bits.
    probability_trace : Out(probability_trace(configuration))
        Those bits.
    branch_trace_valid : Out(1)
        The pooling unit shows a part of BRANCH.
    branch_trace : Out(branch_trace(configuration))
        That part.
    grid_trace_valid : Out(1)
        The pooling unit shows an output of GRID.
    grid_trace : Out(grid_trace(configuration))
        That output.
    dense_trace_valid : Out(1)
        The dense unit shows a write.
    dense_trace : Out(dense_trace(configuration))
        That write.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "host_address": In(8),
                "host_write": In(1),
                "host_data_in": In(32),
                "host_data": Out(32),
                "port": Out(MemoryPort(c.port_bits)),
                "stall": In(8),
                "busy": Out(1),
                "done": Out(1),
                "now": Out(32),
                "complete_valid": Out(len(Engine)),
                "complete_tag": Out(data.ArrayLayout(12, len(Engine))),
                "lanes_trace_valid": Out(1),
                "lanes_trace": Out(lanes_trace(c)),
                "score_trace_valid": Out(1),
                "score_trace": Out(score_trace(c)),
                "probability_trace_valid": Out(1),
                "probability_trace": Out(probability_trace(c)),
                "branch_trace_valid": Out(1),
                "branch_trace": Out(branch_trace(c)),
                "grid_trace_valid": Out(1),
                "grid_trace": Out(grid_trace(c)),
                "dense_trace_valid": Out(1),
                "dense_trace": Out(dense_trace(c)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration
        m.submodules.control = control = Control(c)
        m.submodules.array = array = ArrayUnit(c)
        m.submodules.lanes = lanes = Lanes(c)
        m.submodules.attention = attention = Attention(c)
        m.submodules.pooling = pooling = Pooling(c)
        m.submodules.dense = dense = Dense(c)
        m.submodules.x = x = ValueMemory(c, c.x_words)
        m.submodules.u = u = ValueMemory(c, c.u_words)
        m.submodules.row = row = RowMemory(c)
        m.submodules.column = column = ColumnMemory(c)
        m.submodules.parameter = parameter = ParameterMemory(c)

        # Commands.
        connect(m, control.array, array.command)
        connect(m, control.lanes, lanes.command)
        connect(m, control.attention, attention.command)
        connect(m, control.grid, pooling.grid)
        connect(m, control.branch, pooling.branch)
        connect(m, control.dense, dense.command)
        m.d.comb += [
            control.lanes_done.eq(lanes.done),
            control.attention_done.eq(attention.done),
            control.pool_done.eq(pooling.done),
            control.dense_done.eq(dense.done),
        ]

        # Results and scores.
        connect(m, array.result, lanes.result)
        connect(m, dense.multipliers, lanes.multipliers)
        m.d.comb += [
            attention.score_valid.eq(array.score_valid),
            attention.score.eq(array.score),
            attention.score_tile.eq(array.score_tile),
            array.score_ready.eq(attention.score_ready),
        ]

        # Operands of the array: its own ports.
        connect(m, array.row, row.read)
        connect(m, array.column, column.read)

        # Shared ports, highest priority first: lanes and attention cannot wait.
        def share(name: str, arbiter, signature, memory, *clients) -> None:
            shared = arbiter(c, signature, len(clients))
            m.submodules[name] = shared
            for index, client in enumerate(clients):
                connect(m, client, shared.client[index])
            connect(m, shared.memory, memory)

        share(
            "x_reads", ReadArbiter, x_read(c), x.read, lanes.x, dense.x, control.x_read, pooling.x
        )
        share("u_reads", ReadArbiter, u_read(c), u.read, lanes.u, dense.u, control.u_read)
        share(
            "parameter_reads",
            ReadArbiter,
            parameter_read(c),
            parameter.read,
            lanes.parameter,
            pooling.parameter,
            dense.parameter,
        )
        share("x_writes", WriteArbiter, x_write(c), x.write, lanes.x_write, control.x_write)
        share(
            "u_writes",
            WriteArbiter,
            u_write(c),
            u.write,
            lanes.u_write,
            pooling.u_write,
            dense.u_write,
        )
        share(
            "column_writes",
            WriteArbiter,
            column_write(c),
            column.write,
            lanes.column_write,
            control.column_write,
        )
        for slot in range(c.rows):
            share(
                f"row_writes{slot}",
                WriteArbiter,
                row_write(c),
                row.write[slot],
                lanes.row_write[slot],
                attention.row_write[slot],
            )
        connect(m, control.parameter_write, parameter.write)
        connect(m, control.exp_write, attention.exp_write)

        # Host, port, test and trace.
        connect(m, control.port, flipped(self.port))
        m.d.comb += [
            control.host_address.eq(self.host_address),
            control.host_write.eq(self.host_write),
            control.host_data_in.eq(self.host_data_in),
            self.host_data.eq(control.host_data),
            self.busy.eq(control.busy),
            self.done.eq(control.done),
            self.now.eq(control.cycles),
            Cat(
                array.stall,
                lanes.stall,
                attention.stall,
                pooling.stall,
                control.load_stall,
                control.store_stall,
                control.dispatch_stall,
                dense.stall,
            ).eq(self.stall),
            control.unit_busy.eq(
                Cat(array.busy, lanes.busy, attention.busy, pooling.busy, dense.busy)
            ),
            self.complete_valid.eq(control.complete_valid),
            self.complete_tag.eq(control.complete_tag),
            self.lanes_trace_valid.eq(lanes.trace_valid),
            self.lanes_trace.eq(lanes.trace),
            self.score_trace_valid.eq(attention.trace_score_valid),
            self.score_trace.eq(attention.trace_score),
            self.probability_trace_valid.eq(attention.trace_probability_valid),
            self.probability_trace.eq(attention.trace_probability),
            self.branch_trace_valid.eq(pooling.trace_branch_valid),
            self.branch_trace.eq(pooling.trace_branch),
            self.grid_trace_valid.eq(pooling.trace_grid_valid),
            self.grid_trace.eq(pooling.trace_grid),
            self.dense_trace_valid.eq(dense.trace_dense_valid),
            self.dense_trace.eq(dense.trace_dense),
        ]
        return m
