"""The pooled branches: four average poolings of a picture row, scaled and added to it."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.control.queue import Queue
from hw.interfaces import branch_trace, command_stream, parameter_read, u_write, x_read
from hw.pooling.arithmetic import register, saturate
from hw.pooling.layouts import head_layout, part_bits, part_word, parts
from hw.pooling.parameters import BranchParameters
from hw.pooling.product import Product
from hw.pooling.taps import Taps
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCHES, TAP_SUM, VALUE

PARTS = 16
"""Parts between a token's entry and its write: with the queue's way back, a trip is 14 cycles."""


class Branch(wiring.Component):
    """Sum of a token and its four pooled branches.

    ``branch = saturate_VALUE(round(gain*S, slope_shift) + constant - missing*loss)`` with
    ``S = saturate_TAP_SUM(sum of x1 over existing taps)`` for h3, w3, h5, w5, then
    ``saturate_VALUE(x1 + h3 + w3 + h5 + w5)``, written to u memory a whole word at a time.

    A token's word of n reads (at most 5) takes ``max(n, lanes/pool_lanes)`` cycles while memory
    grants them, one more if both are equal; a channel word about 4 + lanes/pool_lanes more, a
    command about ``6 * lanes/pool_lanes`` more for its first parameters.  Latency 14 +
    lanes/pool_lanes cycles from the last read of a token to its write.  The pipeline never stops:
    a token enters when its sums will find room in the queue in front of u memory.
    Golden partner: pooled branches of ``hw.spec.numerics``.  Validated for all parameters and
    values, any width and border.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of BRANCH)
        Commands; the next one is taken when all reads of one were granted.
    x : Out(x memory read)
        Words of up to five picture rows.
    parameter : Out(parameter memory read)
        12 words a channel word.
    u_write : Out(u memory write)
        Sums.
    stall : In(1)
        No word is read in this cycle.
    done : Out(1)
        Pulse: all sums of a command are visible.
    trace_branch_valid : Out(1)
        `trace_branch` shows a part.
    trace_branch : Out(branch trace)
        Tag, branches and sum of `pool_lanes` channels.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.BRANCH)),
                "x": Out(x_read(c)),
                "parameter": Out(parameter_read(c)),
                "u_write": Out(u_write(c)),
                "stall": In(1),
                "done": Out(1),
                "trace_branch_valid": Out(1),
                "trace_branch": Out(branch_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._c
        m.submodules.taps = taps = Taps(c)
        m.submodules.parameters = parameters = BranchParameters(c)

        # Both take a command at the same time.
        m.d.comb += [
            taps.command.payload.eq(self.command.payload),
            parameters.command.payload.eq(self.command.payload),
            taps.command.valid.eq(self.command.valid & parameters.command.ready),
            parameters.command.valid.eq(self.command.valid & taps.command.ready),
            self.command.ready.eq(taps.command.ready & parameters.command.ready),
            taps.stall.eq(self.stall),
            parameters.stall.eq(self.stall),
        ]
        wiring.connect(m, taps.x, wiring.flipped(self.x))
        wiring.connect(m, parameters.parameter, wiring.flipped(self.parameter))

        # All that goes along with a part, one register a stage.
        entering = taps.taps.payload
        m.d.comb += taps.filled.eq(parameters.filled)
        along_layout = data.StructLayout(
            {"valid": 1, "part": part_bits(c), "set": 1, "head": head_layout(c)}
        )
        along = [Cat(taps.taps.valid, entering.part, entering.set, entering.head)]

        def next_stage() -> data.View:
            stage, before = len(along), along[-1]
            valid = register(m, f"valid{stage}", before[0], reset=True)
            along.append(Cat(valid, register(m, f"along{stage}", before[1:])))
            return data.View(along_layout, along[-1])

        lanes = range(c.pool_lanes)

        def delayed(name: str, values) -> list[Signal]:
            return [register(m, f"{name}_{i}", values[i]) for i in lanes]

        def add(name: str, one, other) -> list[Signal]:
            return delayed(name, [one[i] + other[i] for i in lanes])

        # Sums of taps: triples with the middle, then all five.
        middle = delayed("middle1", entering.middle)
        threes = {
            "h3": add("h3_sum", entering.middle, entering.vertical1),
            "w3": add("w3_sum", entering.middle, entering.horizontal1),
        }
        outer = {
            "h5": delayed("h5_outer", entering.vertical2),
            "w5": delayed("w5_outer", entering.horizontal2),
        }
        first = next_stage()
        m.d.comb += parameters.gain_place.eq(Cat(first.part, first.set))
        sums = threes | {
            five: [threes[three][i] + outer[five][i] for i in lanes]
            for five, three in (("h5", "h3"), ("w5", "w3"))
        }
        middle = delayed("middle2", middle)
        products = {}
        for k, name in enumerate(BRANCHES):
            factors = delayed(f"{name}_factor", [saturate(v, TAP_SUM.bits) for v in sums[name]])
            gains = delayed(f"{name}_gain", parameters.gain[k])
            products[name] = [Product() for _ in lanes]
            for i, product in enumerate(products[name]):
                m.submodules[f"{name}_product{i}"] = product
                m.d.comb += [
                    product.factor.eq(factors[i]),
                    product.gain.eq(gains[i]),
                ]
        next_stage()

        # The stages of the products.
        shifts = next_stage()
        next_stage()
        m.d.comb += [
            parameters.adjust_place.eq(Cat(shifts.part, shifts.set)),
            parameters.w3_loss.eq(shifts.head.w3_loss),
            parameters.w5_loss.eq(shifts.head.w5_loss),
            parameters.freed.eq(shifts.valid & shifts.head.last_word),
        ]
        for k, name in enumerate(BRANCHES):
            values = delayed(f"{name}_adjust", parameters.adjust[k])
            for product, value in zip(products[name], values, strict=True):
                m.d.comb += [
                    product.slope_shift.eq(shifts.head.slope_shift),
                    product.adjust.eq(value),
                ]
        next_stage()
        next_stage()
        branches = {name: [product.branch for product in products[name]] for name in BRANCHES}

        # The sum of all, saturated once.
        for stage in range(3, 8):
            middle = delayed(f"middle{stage}", middle)
        one = add("three", branches["h3"], branches["w3"])
        other = add("five", branches["h5"], branches["w5"])
        next_stage()
        both = add("branches", one, other)
        middle = delayed("middle8", middle)
        next_stage()
        exact = add("exact", both, middle)
        last = next_stage()
        sums = [saturate(value, VALUE.bits) for value in exact]

        # Parts wait for memory in a queue; a word of them is collected behind it.
        result = data.StructLayout(
            {"sums": part_word(c), "address": len(last.head.address), "last": 1}
        )
        words = max(2, PARTS // parts(c))
        m.submodules.queue = queue = Queue(c, result, words * parts(c))
        out = queue.output.payload
        word = Signal(data.ArrayLayout(part_word(c), parts(c)), reset_less=True)
        word_address, word_last = Signal.like(last.head.address), Signal()
        full, collect, number = Signal(), Signal(), Signal(part_bits(c))
        m.d.comb += [
            queue.input.valid.eq(last.valid),
            queue.input.payload.eq(Cat(*sums, last.head.address, last.head.last)),
            queue.output.ready.eq(~full | self.u_write.grant),
            collect.eq(queue.output.valid & queue.output.ready),
        ]
        with m.If(queue.output.ready):
            m.d.sync += full.eq(queue.output.valid & (number == parts(c) - 1))
        with m.If(collect):
            m.d.sync += [
                word.eq(Cat(word.as_value(), out.sums)[len(out.sums.as_value()) :]),
                word_address.eq(out.address),
                word_last.eq(out.last),
            ]
            if parts(c) > 1:
                m.d.sync += number.eq(number + 1)
        room = Signal(range(words + 1), init=words)
        m.d.comb += taps.room.eq(room != 0)
        m.d.sync += room.eq(room - taps.moved + (collect & (number == 0)))
        m.d.comb += [
            self.u_write.request.eq(full),
            self.u_write.address.eq(word_address),
            self.u_write.data.eq(word),
            self.u_write.mask.eq(~0),
        ]
        m.d.sync += self.done.eq(full & self.u_write.grant & word_last)

        # The trace shows the branches with their sum (gone from a netlist that leaves it open).
        for stage in range(7, 10):
            branches = {n: delayed(f"{n}_branch{stage}", v) for n, v in branches.items()}
        m.d.comb += [
            self.trace_branch_valid.eq(last.valid),
            self.trace_branch.tag.eq(last.head.tag),
            self.trace_branch.sum.eq(Cat(*sums)),
            *(self.trace_branch[name].eq(Cat(*branches[name])) for name in BRANCHES),
        ]
        return m
