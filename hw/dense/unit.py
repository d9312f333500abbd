"""The dense unit: integer layers and channel pooling, one command at a time."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.dense.layouts import COMMAND
from hw.dense.operands import Operands
from hw.dense.products import Products
from hw.dense.results import Results
from hw.dense.sequence import Sequence
from hw.interfaces import (
    Multipliers,
    command_stream,
    dense_trace,
    parameter_read,
    u_read,
    u_write,
    x_read,
)
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration


class Dense(wiring.Component):
    """Runs DENSE: sums of products of 8-bit or 16-bit operands with 8-bit weights.

    ::

        x, u ─► operands ─► sequence ─► products ─► results ─► u
                             │          ▲     ▲
                             └ parameters    multipliers of the lanes

    No multiplier of its own (no DSP): each step borrows the first two of every lane in a cycle in
    which no beat takes them.  A step is a pair, with `pool` an element; with a bias a token has two
    more.  Cycles, while memory grants everything and no beat is admitted (each cycle in which one
    is, until the last step is multiplied, makes what follows a cycle later): with s = lanes/4, or
    lanes/2 with a bias, the first step of a command is 6 (with a bias 4) cycles after it was
    accepted; the last step of token i, of n steps, is at
    ``L(i) = max(L(i-1) + max(n, s), L(i-3) + s + 12)``, with a bias ``L(i-2)`` instead of
    ``L(i-3)``; `done` is at ``L + s + 12`` of the command's last token.  So a token takes n cycles
    where n is at least 8, with a bias 16 (at 16 lanes 6 and 10).  An operand word of 1 or 2 steps
    lasts 3 cycles where another word follows at once.

    Latency: the next command is taken in the cycle of `done`.  Every grant may be low at any time.
    Golden partner: DENSE of ``hw.spec.commands``.  Validated for all operands, segments, groups,
    bias and shifts; pooling of 3, 5, 6, 16 and 64 channels; saturated and wrapped sums; random
    grants and stalls, multipliers taken at random.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of DENSE)
        Commands.
    x : Out(x memory read)
        Operands.
    u : Out(u memory read)
        Operands.
    parameter : Out(parameter memory read)
        Weights and biases.
    multipliers : Out(Multipliers)
        Two multipliers of each lane.
    u_write : Out(u memory write)
        Results, whole words.
    stall : In(1)
        No word is read and nothing multiplied in this cycle.
    busy : Out(1)
        A step multiplies.
    done : Out(1)
        Pulse: all that a command writes is visible.
    trace_dense_valid : Out(1)
        `trace_dense` shows a write.
    trace_dense : Out(dense trace)
        Tag and word of the write.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.DENSE)),
                "x": Out(x_read(c)),
                "u": Out(u_read(c)),
                "parameter": Out(parameter_read(c)),
                "multipliers": Out(Multipliers(c)),
                "u_write": Out(u_write(c)),
                "stall": In(1),
                "busy": Out(1),
                "done": Out(1),
                "trace_dense_valid": Out(1),
                "trace_dense": Out(dense_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.operands = operands = Operands(self._c)
        m.submodules.sequence = sequence = Sequence(self._c)
        m.submodules.products = products = Products(self._c)
        m.submodules.results = results = Results(self._c)

        command, held, start = Signal(COMMAND, reset_less=True), Signal(), Signal()
        accepted = self.command.valid & self.command.ready
        m.d.comb += self.command.ready.eq(~held | self.done)
        m.d.sync += start.eq(accepted)
        with m.If(accepted):
            m.d.sync += [command.eq(self.command.payload), held.eq(1)]
        with m.Elif(self.done):
            m.d.sync += held.eq(0)

        connect(m, operands.x, flipped(self.x))
        connect(m, operands.u, flipped(self.u))
        connect(m, operands.word, sequence.word)
        connect(m, products.multipliers, flipped(self.multipliers))
        connect(m, results.u_write, flipped(self.u_write))
        m.d.comb += [
            *(part.command.eq(command) for part in (operands, sequence, products, results)),
            operands.start.eq(start),
            operands.stall.eq(self.stall),
            sequence.start.eq(start),
            sequence.stall.eq(self.stall),
            sequence.taken.eq(self.multipliers.taken),
            sequence.free.eq(results.free),
            self.parameter.address.eq(sequence.address),
            self.parameter.request.eq(sequence.request),
            sequence.grant.eq(self.parameter.grant),
            products.step.eq(sequence.step),
            products.parameter.eq(self.parameter.data),
            results.expected.eq(sequence.expected),
            results.target.eq(sequence.target),
            results.sum_valid.eq(products.sum_valid),
            results.sum.eq(products.sum),
            products.read.eq(results.read),
            self.busy.eq(sequence.step.multiply),
            self.done.eq(results.done),
            self.trace_dense_valid.eq(results.trace_dense_valid),
            self.trace_dense.eq(results.trace_dense),
        ]
        return m
