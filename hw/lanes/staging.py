"""Takes a command while the one before runs, and multiplies the one address that needs it."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import command_stream, struct
from hw.spec.commands import RECORDS, Bits, Opcode
from hw.spec.configuration import Configuration

STAGED = data.StructLayout({"command": struct(RECORDS[Opcode.LINEAR]), "bits_start": 13})
"""A command and the bits address of its first token in its first group."""


class Staging(wiring.Component):
    """``bits_start = bits_base + n*bits_tile`` by shift and add, while the command waits.

    n is ``first_key // lanes`` for KEY, ``first_group`` for VALUE and 0 for the others.  Latency 1
    cycle and one for each bit of n; the next command enters a cycle after the staged one has left,
    which no command is short enough to notice: its ready is a register.  Respects back-pressure.
    Golden partner: none.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of the LINEAR record)
        Commands.
    staged : Out(stream of STAGED)
        Commands with their bits address.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.LINEAR)),
                "staged": Out(stream.Signature(STAGED)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        full = Signal()
        factor, step = Signal(12), Signal(13)
        held = Signal(STAGED, reset_less=True)
        m.d.comb += [
            self.staged.valid.eq(full & (factor == 0)),
            self.staged.payload.eq(held),
            self.command.ready.eq(~full),
        ]
        new = self.command.payload
        with m.If(self.command.ready):
            m.d.sync += [
                full.eq(self.command.valid),
                held.command.eq(new),
                held.bits_start.eq(new.bits_base),
                step.eq(new.bits_tile),
                factor.eq(0),
            ]
            with m.If(self.command.valid & (new.bits == Bits.KEY)):
                m.d.sync += factor.eq(new.first_key // self._configuration.lanes)
            with m.If(self.command.valid & (new.bits == Bits.VALUE)):
                m.d.sync += factor.eq(new.first_group)
        with m.Else():
            m.d.sync += full.eq(~(self.staged.valid & self.staged.ready))
        with m.If(full & (factor != 0)):
            m.d.sync += [factor.eq(factor >> 1), step.eq(step << 1)]
            with m.If(factor[0]):
                m.d.sync += held.bits_start.eq(held.bits_start + step)
        return m
