"""Parameters: fetched ahead, a set a group, kept until the group has left the pipeline."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import GAIN_BITS, parameter_read
from hw.lanes import beat
from hw.lanes.delay import chain
from hw.spec.configuration import Configuration
from hw.spec.image import MATRIX
from hw.spec.numerics import PARAMETER, PARAMETER_FIELDS, PRE_DROP

FETCH = data.StructLayout(
    {
        "parameter_base": 12,
        "parameter_fields": len(PARAMETER_FIELDS),
        "outer": 10,
        "tiles": 12,
        "inner": 10,
    }
)
"""The fields of a command that the fetch needs."""

HELD_AT = {
    "gain": beat.RESIDUAL,
    "residual_gain": beat.RESIDUAL,
    "bias": beat.BIAS,
    "offset_out": beat.ROUND,
    "threshold0": beat.OUT,
    "threshold1": beat.OUT,
    "threshold2": beat.OUT,
}
"""Cycle of a beat in which its parameter stands in a register; the slope has none of its own."""


class ParameterFetch(wiring.Component):
    """Reads the parameter words of every group, a word a cycle, up to 8 groups ahead.

    A command costs a set for each (outer, inner) pair, once more for each tile if it has several
    inner groups; a set takes as many cycles as fields are present (at least 1).  The next command
    follows without a gap if it came two cycles before.  A set counts as ready when its last word
    has been requested: it is written in the cycle after, and read no earlier than the cycle after
    that.  Golden partner: none.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of FETCH)
        What to fetch, in order.
    read : Out(parameter_read)
        Parameter memory.
    ready : Out(1)
        The set that comes next (or is in use) is there.
    advance : In(1)
        The last beat that uses the present set was admitted.
    release : In(1)
        The last beat that uses the oldest set has read all of it.
    field : Out(9)
        The field (one-hot) whose word is on ``read.data`` in this cycle.
    set : Out(range(SETS))
        The set it belongs to.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "command": In(stream.Signature(FETCH)),
                "read": Out(parameter_read(c)),
                "ready": Out(1),
                "advance": In(1),
                "release": In(1),
                "field": Out(len(PARAMETER_FIELDS)),
                "set": Out(range(beat.SETS)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        # The next command waits in a register: nobody's ready depends on what is fetched now.
        new, waits, takes = Signal(FETCH, reset_less=True), Signal(), Signal()
        active, held, ahead = Signal(), Signal(range(beat.SETS + 1)), Signal(range(beat.SETS + 1))
        fields, left = Signal(len(PARAMETER_FIELDS)), Signal(len(PARAMETER_FIELDS))
        address, outer_start, filling = Signal(12), Signal(12), Signal.like(self.set)
        inner, tiles = Signal(10), Signal(12)
        outer_left, tiles_left, inner_left = Signal(10), Signal(12), Signal(10)

        # One word a cycle, the lowest present field first.
        rest, go, ends = Signal.like(left), Signal(), Signal()
        # `some` of `left`, and `room` for one more set: the request leads to arbiters.
        some, room = Signal(), Signal(init=1)
        following = Signal.like(address)
        m.d.comb += [
            rest.eq(left & (left - 1)),
            go.eq(active & room & (self.read.grant | ~some)),
            ends.eq(go & ~rest.any()),
            self.read.request.eq(active & room & some),
            self.read.address.eq(address),
            following.eq(address + some),
        ]
        m.d.sync += [self.field.eq(Mux(go, left & ~rest, 0)), self.set.eq(filling)]
        with m.If(go):
            m.d.sync += [
                left.eq(Mux(ends, fields, rest)),
                some.eq(rest.any() | fields.any()),
                address.eq(following),
            ]

        # Groups in execution order; a tile repeats its inner groups' sets.
        finishes = Signal()
        with m.If(ends):
            m.d.sync += filling.eq(filling + 1)
            with m.If(inner_left != 0):
                m.d.sync += inner_left.eq(inner_left - 1)
            with m.Elif(tiles_left != 0):
                m.d.sync += [
                    tiles_left.eq(tiles_left - 1),
                    inner_left.eq(inner),
                    address.eq(outer_start),
                ]
            with m.Elif(outer_left != 0):
                m.d.sync += [
                    outer_left.eq(outer_left - 1),
                    tiles_left.eq(tiles),
                    inner_left.eq(inner),
                    outer_start.eq(following),
                ]
            with m.Else():
                m.d.comb += finishes.eq(1)
                m.d.sync += active.eq(0)
        m.d.comb += [self.command.ready.eq(~waits), takes.eq(waits & (~active | finishes))]
        with m.If(~waits):
            m.d.sync += [new.eq(self.command.payload), waits.eq(self.command.valid)]
        with m.If(takes):
            m.d.sync += waits.eq(0)
            tiles_of = Mux(new.inner == 1, 0, new.tiles - 1)
            m.d.sync += [
                active.eq(1),
                fields.eq(new.parameter_fields),
                left.eq(new.parameter_fields),
                some.eq(new.parameter_fields.any()),
                address.eq(new.parameter_base),
                outer_start.eq(new.parameter_base),
                inner.eq(new.inner - 1),
                inner_left.eq(new.inner - 1),
                tiles.eq(tiles_of),
                tiles_left.eq(tiles_of),
                outer_left.eq(new.outer - 1),
            ]
        m.d.sync += [
            held.eq(held + ends - self.release),
            room.eq(self.release | ~((held == beat.SETS) | ((held == beat.SETS - 1) & ends))),
            ahead.eq(ahead + ends - self.advance),
        ]
        # `ready` leads to every memory's arbiter: it is a register.
        m.d.sync += self.ready.eq(ends | (ahead > 1) | ((ahead == 1) & ~self.advance))
        return m


class ParameterSets(wiring.Component):
    """A LUT RAM of 8 sets for each field, read when a beat comes to the field's cycle.

    Both slopes share one, whose address every lane completes with its own sign.  An absent field
    reads as 0, residual_gain and slope_positive as the command's constants.
    Pipeline without enable; [k] as in :class:`hw.lanes.lane.Lane`, here from the admission of a
    beat.  Golden partner: none.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    field : In(9)
        Field (one-hot) to write.
    write_set : In(range(SETS))
        Set to write.
    data : In(lanes x 16 bits)
        A parameter a lane.
    set : In(range(SETS))
        [1] Set of a beat.
    present : In(9)
        [1] Fields present, in PARAMETER_FIELDS order.
    constant_residual_gain : In(16 signed)
        [1] residual_gain where it is absent.
    constant_slope_positive : In(16 signed)
        [1] slope_positive where it is absent.
    lent : In(1)
        [1] No beat: the gains are the weights of integer layers.
    first_weight : In(17 signed a lane)
        [1] Gain of the sum then.
    second_weight : In(8 signed a lane)
        [1] Gain of the residual then, in front of the fraction bits.
    gain : Out(17 signed a lane)
        [2] Gain of the sum.
    residual_gain : Out(17 signed a lane)
        [2] Gain of the residual.
    bias : Out(lanes PARAMETERs)
        [3] Bias.
    negative : In(lanes)
        [6] Whether v < 0.
    slope : Out(lanes PARAMETERs)
        [6] Slope of v >= 0, or of v < 0 where `negative` is set.
    offset_out : Out(lanes PARAMETERs)
        [9] Offset of y.
    threshold0 : Out(lanes PARAMETERs)
        [13] Threshold of set 0.
    threshold1 : Out(lanes PARAMETERs)
        [13] Threshold of set 1.
    threshold2 : Out(lanes PARAMETERs)
        [13] Threshold of set 2.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        parameter = signed(PARAMETER.bits)
        word = data.ArrayLayout(parameter, c.lanes)
        gains = data.ArrayLayout(signed(GAIN_BITS), c.lanes)
        super().__init__(
            {
                "field": In(len(PARAMETER_FIELDS)),
                "write_set": In(range(beat.SETS)),
                "data": In(c.lanes * PARAMETER.bits),
                "set": In(range(beat.SETS)),
                "present": In(len(PARAMETER_FIELDS)),
                "constant_residual_gain": In(parameter),
                "constant_slope_positive": In(parameter),
                "lent": In(1),
                "first_weight": In(gains),
                "second_weight": In(data.ArrayLayout(signed(MATRIX.bits), c.lanes)),
                "negative": In(c.lanes),
                **{name: Out(word) for name in (*HELD_AT, "slope")},
                **{name: Out(gains) for name in ("gain", "residual_gain")},
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        lanes = self._configuration.lanes
        longest = max(HELD_AT.values())
        sets, present = chain(m, self.set, longest), chain(m, self.present, longest)
        for name, held_at in HELD_AT.items():
            index = PARAMETER_FIELDS.index(name)
            ram = memory.Memory(shape=len(self.data), depth=beat.SETS, init=[])
            m.submodules[name] = ram
            write, read = ram.write_port(), ram.read_port(domain="comb")
            wait = held_at - 2  # read a cycle before; the inputs belong to cycle 1
            absent = self.constant_residual_gain if name == "residual_gain" else 0
            held = Signal.like(getattr(self, name), name=f"held_{name}", reset_less=True)
            m.d.comb += [
                write.addr.eq(self.write_set),
                write.data.eq(self.data),
                write.en.eq(self.field[index]),
                read.addr.eq(sets[wait]),
                getattr(self, name).eq(held),
            ]
            stored = data.ArrayLayout(signed(PARAMETER.bits), lanes)(read.data)
            for lane in range(lanes):
                next_held = Mux(present[wait][index], stored[lane], absent)
                if name == "gain":
                    next_held = Mux(self.lent, self.first_weight[lane], next_held)
                elif name == "residual_gain":
                    weight = self.second_weight[lane] << PRE_DROP
                    next_held = Mux(self.lent, weight, next_held)
                m.d.sync += held[lane].eq(next_held)

        wait = beat.SLOPE - 1
        constant = chain(m, self.constant_slope_positive, wait)[-1]
        positive, negative = (
            PARAMETER_FIELDS.index(f"slope_{s}") for s in ("positive", "negative")
        )
        for lane in range(lanes):
            ram = memory.Memory(shape=PARAMETER.bits, depth=2 * beat.SETS, init=[])
            m.submodules[f"slope{lane}"] = ram
            write, read = ram.write_port(), ram.read_port(domain="comb")
            below = self.negative[lane]
            there = Mux(below, present[wait][negative], present[wait][positive])
            m.d.comb += [
                write.addr.eq(Cat(self.write_set, self.field[negative])),
                write.data.eq(self.data.word_select(lane, PARAMETER.bits)),
                write.en.eq(self.field[positive] | self.field[negative]),
                read.addr.eq(Cat(sets[wait], below)),
                self.slope[lane].eq(Mux(there, read.data, Mux(below, 0, constant))),
            ]
        return m
