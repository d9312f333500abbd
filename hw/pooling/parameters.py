"""Parameters of the pooled branches, fetched a channel word ahead."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.interfaces import command_stream, parameter_read
from hw.pooling.layouts import parameters_layout, part_bits, parts
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCH_FIELDS, BRANCHES

SETS = 2
"""Channel words whose parameters are held: one is used while the other is fetched."""


class BranchParameters(wiring.Component):
    """Gain, constant and loss of each branch for `pool_lanes` channels at a time.

    The 12 parameter words of a channel word pass two staging registers, each of which writes its
    word part by part into the distributed RAM of its field; so a channel word takes about
    ``6 * lanes/pool_lanes`` cycles to fetch (12 at least).

    Latency 0 from a place to its parameters (the reader registers them).
    Golden partner: none (control).  Validated for any number of channel words.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of BRANCH)
        Commands; the next one is taken when all words of one were asked for.
    parameter : Out(parameter memory read)
        The words.
    stall : In(1)
        No word is read in this cycle.
    filled : Out(2)
        Channel words fetched so far, modulo 4.
    freed : In(1)
        The oldest channel word's parameters are used no more.
    early_place : In(set and part)
        Place whose gains are wanted: the part, above it the channel word's number modulo 2.
    gain : Out(gains of the four branches)
        At `early_place`.
    late_place : In(set and part)
        Place whose constants and losses are wanted.
    constant : Out(constants of the four branches)
        At `late_place`.
    loss : Out(losses of the four branches)
        At `late_place`.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.BRANCH)),
                "parameter": Out(parameter_read(c)),
                "stall": In(1),
                "filled": Out(2),
                "freed": In(1),
                "early_place": In(part_bits(c) + 1),
                "gain": Out(parameters_layout(c)),
                "late_place": In(part_bits(c) + 1),
                "constant": Out(parameters_layout(c)),
                "loss": Out(parameters_layout(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, command = self._c, self.command
        part_count, part_size = parts(c), c.pool_lanes * 16

        # Walk: channel word, field; the words lie one behind the other.
        held = Signal()
        words = Signal.like(command.payload.words)
        field = Signal(range(len(BRANCH_FIELDS)))
        last_field, step = Signal(), Signal()
        free_sets = Signal(range(SETS + 1), init=SETS)
        m.d.comb += last_field.eq(field == len(BRANCH_FIELDS) - 1)
        with m.If(step):
            m.d.sync += [self.parameter.address.eq(self.parameter.address + 1), field.eq(field + 1)]
            with m.If(last_field):
                m.d.sync += [field.eq(0), words.eq(words - 1)]
                with m.If(words == 1):
                    m.d.sync += held.eq(0)
        m.d.comb += command.ready.eq(~held)
        with m.If(command.valid & command.ready):
            m.d.sync += [
                held.eq(1),
                words.eq(command.payload.words),
                self.parameter.address.eq(command.payload.parameter_base),
            ]
        m.d.sync += free_sets.eq(free_sets - (step & (field == 0)) + self.freed)

        fetching_set = Signal()
        m.d.sync += fetching_set.eq(fetching_set ^ (step & last_field))
        arriving, arriving_set = Signal(), Signal()
        arriving_field = Signal.like(field)
        m.d.sync += [arriving.eq(step), arriving_field.eq(field), arriving_set.eq(fetching_set)]

        # Staging: even fields in one register, odd fields in the other.
        left = [Signal(range(part_count + 1), name=f"left{i}") for i in range(2)]
        staged = [Signal(c.lanes * 16, name=f"staged{i}", reset_less=True) for i in range(2)]
        staged_field = [Signal.like(field, name=f"staged_field{i}") for i in range(2)]
        staged_set = [Signal(name=f"staged_set{i}") for i in range(2)]
        part = [Signal(part_bits(c), name=f"part{i}") for i in range(2)]
        for i in range(2):
            with m.If(left[i] != 0):
                m.d.sync += [left[i].eq(left[i] - 1), part[i].eq(part[i] + 1)]
            with m.If(arriving & (arriving_field[0] == i)):
                m.d.sync += [
                    staged[i].eq(self.parameter.data),
                    staged_field[i].eq(arriving_field),
                    staged_set[i].eq(arriving_set),
                    left[i].eq(part_count),
                    part[i].eq(0),
                ]
        # A word asked for now replaces the staged one behind the next edge but one.
        m.d.comb += [
            self.parameter.request.eq(
                held
                & ~self.stall
                & ((field != 0) | (free_sets != 0))
                & (Mux(field[0], left[1], left[0]) <= 2)
            ),
            step.eq(self.parameter.request & self.parameter.grant),
        ]
        with m.If((left[1] == 1) & (staged_field[1] == len(BRANCH_FIELDS) - 1)):
            m.d.sync += self.filled.eq(self.filled + 1)

        for number, name in enumerate(BRANCH_FIELDS):
            i = number % 2
            m.submodules[name] = memory = Memory(
                shape=part_size,
                depth=SETS << part_bits(c),
                init=[],
                attrs={"ram_style": "distributed"},
            )
            write, read = memory.write_port(), memory.read_port(domain="comb")
            pieces = Array(
                staged[i][k * part_size : (k + 1) * part_size] for k in range(part_count)
            )
            kind, branch = name.split("_")
            m.d.comb += [
                write.addr.eq(Cat(part[i], staged_set[i])),
                write.data.eq(pieces[part[i]] if part_count > 1 else staged[i]),
                write.en.eq((left[i] != 0) & (staged_field[i] == number)),
                read.addr.eq(self.early_place if kind == "gain" else self.late_place),
                data.View.as_value(getattr(self, kind)[BRANCHES.index(branch)]).eq(read.data),
            ]
        return m
