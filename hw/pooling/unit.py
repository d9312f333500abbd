"""The pooling unit: windows of tokens and pooled branches, one command at a time."""

from __future__ import annotations

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import (
    branch_trace,
    command_stream,
    grid_trace,
    parameter_read,
    u_write,
    x_read,
)
from hw.pooling.branch import Branch
from hw.pooling.grid import Grid
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration


class Pooling(wiring.Component):
    """GRID and BRANCH, which share the ports to x and u memory.

    A command may be given while the one before runs if it is of the same kind, else when that one
    is done: so the engine completes in order.

    Throughput: see :class:`hw.pooling.grid.Grid` and :class:`hw.pooling.branch.Branch`.
    Every grant may be low at any time.
    Golden partner: GRID and pooled branches of ``hw.spec.numerics``.  Validated as those.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    grid : In(stream of GRID)
        Commands: means of windows.
    branch : In(stream of BRANCH)
        Commands: pooled branches of a picture row.
    x : Out(x memory read)
        Source words.
    u_write : Out(u memory write)
        Results, whole words.
    parameter : Out(parameter memory read)
        Parameters of BRANCH.
    stall : In(1)
        No word is read in this cycle.
    busy : Out(1)
        A word of x memory is read.
    done : Out(1)
        Pulse: all that a command writes is visible.
    trace_branch_valid : Out(1)
        `trace_branch` shows a part of a token.
    trace_branch : Out(branch trace)
        Tag, branches and sum of `pool_lanes` channels.
    trace_grid_valid : Out(1)
        `trace_grid` shows a mean.
    trace_grid : Out(grid trace)
        Tag and mean.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "grid": In(command_stream(Opcode.GRID)),
                "branch": In(command_stream(Opcode.BRANCH)),
                "x": Out(x_read(c)),
                "u_write": Out(u_write(c)),
                "parameter": Out(parameter_read(c)),
                "stall": In(1),
                "busy": Out(1),
                "done": Out(1),
                "trace_branch_valid": Out(1),
                "trace_branch": Out(branch_trace(c)),
                "trace_grid_valid": Out(1),
                "trace_grid": Out(grid_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.grid = grid = Grid(self._c)
        m.submodules.branch = branch = Branch(self._c)
        wiring.connect(m, wiring.flipped(self.grid), grid.command)
        wiring.connect(m, wiring.flipped(self.branch), branch.command)
        wiring.connect(m, branch.parameter, wiring.flipped(self.parameter))

        # Only one of them works at a time: a request only decides the multiplexer.
        for mine, one, other in (
            (self.x, branch.x, grid.x),
            (self.u_write, branch.u_write, grid.u_write),
        ):
            m.d.comb += [
                mine.request.eq(one.request | other.request),
                mine.address.eq(Mux(one.request, one.address, other.address)),
                one.grant.eq(mine.grant),
                other.grant.eq(mine.grant),
            ]
        m.d.comb += [
            self.u_write.data.eq(
                Mux(branch.u_write.request, branch.u_write.data, grid.u_write.data)
            ),
            self.u_write.mask.eq(~0),
            branch.x.data.eq(self.x.data),
            grid.x.data.eq(self.x.data),
        ]

        m.d.comb += [
            branch.stall.eq(self.stall),
            grid.stall.eq(self.stall),
            self.busy.eq(self.x.request & self.x.grant),
            self.done.eq(branch.done | grid.done),
            self.trace_branch_valid.eq(branch.trace_branch_valid),
            self.trace_branch.eq(branch.trace_branch),
            self.trace_grid_valid.eq(grid.trace_grid_valid),
            self.trace_grid.eq(grid.trace_grid),
        ]
        return m
