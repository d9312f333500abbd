"""Parameters of the pooled branches, fetched a channel word ahead."""

from __future__ import annotations

from itertools import pairwise

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.interfaces import command_stream, parameter_read
from hw.pooling.layouts import (
    ADJUST_BITS,
    adjusts_layout,
    gains_layout,
    part_bits,
    part_word,
    parts,
)
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCH_FIELDS, BRANCHES, PARAMETER

SETS = 2
"""Channel words whose parameters are held: one is used while the other is fetched."""
FETCHED = tuple(
    [f"gain_{b}" for b in BRANCHES]
    + [f"{part}_{b}" for b in BRANCHES for part in ("constant", "loss")]
)
"""Order of fetching: a pair of fields at a time, gains or a branch's constant and loss."""


class BranchParameters(wiring.Component):
    """Gain and adjust of each branch for `pool_lanes` channels at a time.

    ``adjust = constant - missing*loss``.  What all tokens of the row lack is taken off on the way
    in, so that constants and losses of one branch meet only once; what the present column lacks
    more, on the way out.

    The 12 parameter words of a channel word pass two staging registers in pairs, of which the
    second follows the first by a cycle and a part; both write part by part into the distributed
    RAM of their field.  So a channel word takes about ``6 * lanes/pool_lanes`` cycles to fetch (12
    at least).

    Latency 0 from a place to its parameters (the reader registers them).
    Golden partner: the adjust of a pooled branch, ``hw.spec.numerics``.  Validated for any number
    of channel words, width and rows, and the full range of every parameter.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of BRANCH)
        Commands; the next one is taken when all words of one are in their place.
    parameter : Out(parameter memory read)
        The words.
    stall : In(1)
        No word is read in this cycle.
    filled : Out(2)
        Channel words read so far, modulo 4: a part's gain is there in time for a place that asks a
        cycle later or more, its adjust 3 cycles later, the following parts a cycle each.
    freed : In(1)
        The oldest channel word's parameters are used no more.
    gain_place : In(set and part)
        Place whose gains are wanted: the part, above it the channel word's number modulo 2.
    gain : Out(gains of the four branches)
        At `gain_place`.
    adjust_place : In(set and part)
        Place whose adjusts are wanted.
    w3_loss : In(1)
        Losses that the column at `adjust_place` takes off w3.
    w5_loss : In(2)
        Losses (0..2) that it takes off w5.
    adjust : Out(adjusts of the four branches)
        At `adjust_place`.
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
                "gain_place": In(part_bits(c) + 1),
                "gain": Out(gains_layout(c)),
                "adjust_place": In(part_bits(c) + 1),
                "w3_loss": In(1),
                "w5_loss": In(2),
                "adjust": Out(adjusts_layout(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, command = self._c, self.command
        part_count, part_size = parts(c), c.pool_lanes * 16

        # Walk: channel word, field.
        held = Signal()
        words = Signal.like(command.payload.words)
        field = Signal(range(len(FETCHED)))
        last_field, step = Signal(), Signal()
        free_sets = Signal(range(SETS + 1), init=SETS)
        m.d.comb += last_field.eq(field == len(FETCHED) - 1)
        offsets = [BRANCH_FIELDS.index(name) for name in FETCHED] + [len(FETCHED)]
        onward = Array(later - now for now, later in pairwise(offsets))
        with m.If(step):
            m.d.sync += [
                self.parameter.address.eq(self.parameter.address + onward[field]),
                field.eq(field + 1),
            ]
            with m.If(last_field):
                m.d.sync += [field.eq(0), words.eq(words - 1)]
                with m.If(words == 1):
                    m.d.sync += held.eq(0)
        m.d.sync += free_sets.eq(free_sets - (step & (field == 0)) + self.freed)

        # What every token of the row lacks, by branch.
        missing = Signal(data.ArrayLayout(3, len(BRANCHES)))
        up2, up1, _, down1, down2 = command.payload.valid
        near, width = ~up1 + ~down1, command.payload.width
        with m.If(command.valid & command.ready):
            m.d.sync += [
                held.eq(1),
                words.eq(command.payload.words),
                self.parameter.address.eq(command.payload.parameter_base),
                missing[BRANCHES.index("h3")].eq(near),
                missing[BRANCHES.index("h5")].eq(near + ~up2 + ~down2),
                missing[BRANCHES.index("w3")].eq(Mux(width == 1, 2, 0)),
                missing[BRANCHES.index("w5")].eq(Mux(width < 4, 5 - width, 0)),
            ]

        fetching_set = Signal()
        m.d.sync += fetching_set.eq(fetching_set ^ (step & last_field))
        arriving, arriving_set = Signal(), Signal()
        arriving_field = Signal.like(field)
        m.d.sync += [arriving.eq(step), arriving_field.eq(field), arriving_set.eq(fetching_set)]

        # Staging: even fields in one register, odd fields in the other, where they arrive later.
        # A pair is written when its odd field arrives, the odd part a cycle behind the even one.
        left = [Signal(range(part_count + 1), name=f"left{i}") for i in range(2)]
        staged = [Signal(c.lanes * 16, name=f"staged{i}", reset_less=True) for i in range(2)]
        pair = [Signal(range(len(FETCHED) // 2), name=f"pair{i}") for i in range(2)]
        staged_set = [Signal(name=f"staged_set{i}") for i in range(2)]
        part = [Signal(part_bits(c), name=f"part{i}") for i in range(2)]
        goes = [Signal(name=f"goes{i}") for i in range(2)]
        odd_arrives, paired = Signal(), Signal()
        m.d.comb += [
            odd_arrives.eq(arriving & arriving_field[0]),
            goes[0].eq((left[0] != 0) & (odd_arrives | paired)),
            goes[1].eq(left[1] != 0),
        ]
        m.d.sync += paired.eq((odd_arrives | paired) & (left[0] != 1))
        for i in range(2):
            with m.If(goes[i]):
                m.d.sync += [left[i].eq(left[i] - 1), part[i].eq(part[i] + 1)]
            with m.If(arriving & (arriving_field[0] == i)):
                m.d.sync += [
                    staged[i].eq(self.parameter.data),
                    pair[i].eq(arriving_field >> 1),
                    staged_set[i].eq(arriving_set),
                    left[i].eq(part_count),
                    part[i].eq(0),
                ]
        # A word asked for now replaces the staged one behind the next edge but one.
        even_free = (left[0] == 0) | ((left[0] <= 2) & paired)
        m.d.comb += [
            self.parameter.request.eq(
                held
                & ~self.stall
                & ((field != 0) | (free_sets != 0))
                & Mux(field[0], left[1] <= 2, even_free)
            ),
            step.eq(self.parameter.request & self.parameter.grant),
            # The row's `missing` is wanted until the last part.
            command.ready.eq(~held & ~arriving & (left[0] == 0) & (left[1] == 0)),
        ]
        with m.If(step & last_field):
            m.d.sync += self.filled.eq(self.filled + 1)

        def piece(i: int) -> Array | Signal:
            if part_count == 1:
                return staged[i]
            return Array(staged[i].word_select(k, part_size) for k in range(part_count))[part[i]]

        even, odd = Signal(part_word(c)), Signal(part_word(c))
        minuend = Signal(part_word(c), reset_less=True)
        m.d.comb += [even.as_value().eq(piece(0)), odd.as_value().eq(piece(1))]
        m.d.sync += minuend.eq(even)

        # missing*loss is a sum of two, 0..2 and 0 or 2 losses, taken off in two cycles.
        lacks = Signal(3)
        m.d.comb += lacks.eq(Array(missing)[(pair[1] - 2)[:2]])
        adjust = data.ArrayLayout(signed(ADJUST_BITS), c.pool_lanes)
        lessened, adjusted = Signal(adjust, reset_less=True), Signal(adjust)
        rest = Signal(data.ArrayLayout(signed(PARAMETER.bits + 1), c.pool_lanes), reset_less=True)
        for lane in range(c.pool_lanes):
            one = Mux(lacks[2], odd[lane] << 1, Mux(lacks[0], odd[lane], 0))
            m.d.sync += [
                lessened[lane].eq(minuend[lane] - one),
                rest[lane].eq(Mux(lacks[2] | lacks[1], odd[lane] << 1, 0)),
            ]
            m.d.comb += adjusted[lane].eq(lessened[lane] - rest[lane])

        # Who writes: the even part, the odd one, and a cycle later the adjust.
        writers = [(goes[i], pair[i], Cat(part[i], staged_set[i])) for i in range(2)]
        later = [Signal(len(value), name=f"later_{i}") for i, value in enumerate(writers[1])]
        m.d.sync += [signal.eq(value) for signal, value in zip(later, writers[1], strict=True)]
        writers.append(tuple(later))

        def kept(name: str, writer: int, number: int, value, place) -> Value:
            """The RAM of a field that one of the writers fills."""
            m.submodules[name] = memory = Memory(
                shape=len(value),
                depth=SETS << part_bits(c),
                init=[],
                attrs={"ram_style": "distributed"},
            )
            write, read = memory.write_port(), memory.read_port(domain="comb")
            wrote, of, address = writers[writer]
            m.d.comb += [
                write.addr.eq(address),
                write.data.eq(value),
                write.en.eq(wrote & (of == number)),
                read.addr.eq(place),
            ]
            return read.data

        for k, branch in enumerate(BRANCHES):
            value = Value.cast((even, odd)[k % 2])
            gain = kept(f"gain_{branch}", k % 2, k // 2, value, self.gain_place)
            m.d.comb += Value.cast(self.gain[k]).eq(gain)
            stored = data.View(
                adjust,
                kept(f"adjust_{branch}", 2, 2 + k, Value.cast(adjusted), self.adjust_place),
            )
            if branch.startswith("h"):
                m.d.comb += self.adjust[k].eq(stored)
                continue
            loss = data.View(
                part_word(c), kept(f"loss_{branch}", 1, 2 + k, Value.cast(odd), self.adjust_place)
            )
            for lane in range(c.pool_lanes):
                if branch == "w3":
                    taken = Mux(self.w3_loss, loss[lane], 0)
                else:
                    once = Mux(self.w5_loss[0], loss[lane], 0)
                    taken = Mux(self.w5_loss[1], loss[lane] << 1, once)
                m.d.comb += self.adjust[k][lane].eq(stored[lane] - taken)
        return m
