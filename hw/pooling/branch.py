"""The pooled branches: four average poolings of a picture row, scaled and added to it."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import branch_trace, command_stream, parameter_read, u_write, x_read
from hw.pooling.arithmetic import Stages, saturate
from hw.pooling.layouts import head_layout, part_bits, part_word, parts
from hw.pooling.parameters import BranchParameters
from hw.pooling.taps import Taps
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from hw.spec.numerics import BRANCHES, SLOPE_SHIFTS, TAP_SUM, VALUE


class Branch(wiring.Component):
    """Sum of a token and its four pooled branches.

    ``branch = saturate_VALUE(round(gain*S, slope_shift) + constant - missing*loss)`` with
    ``S = saturate_TAP_SUM(sum of x1 over existing taps)`` for h3, w3, h5, w5, then
    ``saturate_VALUE(x1 + h3 + w3 + h5 + w5)``, written to u memory a whole word at a time.

    A token's word of n reads (at most 5) takes ``max(n, lanes/pool_lanes)`` cycles while memory
    grants them, one more if both are equal; a channel word about 4 + lanes/pool_lanes more, a
    command about ``6 * lanes/pool_lanes`` more for its first parameters.  Latency 19 +
    lanes/pool_lanes cycles from the last read of a token to its write.  A write that is not
    granted holds the pipeline after one more word.
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

        # A channel word enters when its parameters are there.
        advance, enter = Signal(), Signal()
        entering_word = Signal(2)
        entering = taps.taps.payload
        m.d.comb += [
            taps.taps.ready.eq(advance & (entering_word != parameters.filled)),
            enter.eq(taps.taps.valid & taps.taps.ready),
        ]
        with m.If(enter & entering.head.last_word):
            m.d.sync += entering_word.eq(entering_word + 1)

        # All that goes along with a part, one register a stage.
        stages = Stages(m, advance)
        along_layout = data.StructLayout(
            {"valid": 1, "set": 1, "part": part_bits(c), "head": head_layout(c)}
        )
        along = [Cat(enter, entering_word[0], entering.part, entering.head)]

        def next_stage() -> data.View:
            stage = len(along)
            along.append(stages.register(f"along{stage}", along[-1], reset=True))
            return data.View(along_layout, along[-1])

        lanes = range(c.pool_lanes)

        def delayed(name: str, values: list) -> list[Signal]:
            return [stages.register(f"{name}_{i}", value) for i, value in enumerate(values)]

        def add(name: str, one: list, other: list) -> list[Signal]:
            return [
                stages.register(f"{name}_{i}", a + b)
                for i, (a, b) in enumerate(zip(one, other, strict=True))
            ]

        # Sums of taps: pairs, then triples with the middle, then all five.
        def of(name: str) -> list[Value]:
            return [entering[name][lane] for lane in lanes]

        middle = delayed("middle1", of("middle"))
        vertical1 = add("vertical1", of("up1"), of("down1"))
        vertical2 = add("vertical2", of("up2"), of("down2"))
        horizontal1 = add("horizontal1", of("left1"), of("right1"))
        horizontal2 = add("horizontal2", of("left2"), of("right2"))
        next_stage()
        sums = {"h3": add("h3_sum", middle, vertical1), "w3": add("w3_sum", middle, horizontal1)}
        fours = {
            "h5": add("h5_four", vertical1, vertical2),
            "w5": add("w5_four", horizontal1, horizontal2),
        }
        middle = delayed("middle2", middle)
        next_stage()
        sums = {name: delayed(f"{name}_sum3", values) for name, values in sums.items()}
        sums |= {name: add(f"{name}_sum", middle, values) for name, values in fours.items()}
        middle = delayed("middle3", middle)
        third = next_stage()

        # Products, registered as in a DSP slice: operands, product, output.
        m.d.comb += parameters.early_place.eq(Cat(third.part, third.set))
        factors = {
            name: [
                stages.register(f"{name}_factor_{i}", saturate(value, TAP_SUM))
                for i, value in enumerate(sums[name])
            ]
            for name in BRANCHES
        }
        gains = {
            name: delayed(f"{name}_gain", [parameters.gain[k][lane] for lane in lanes])
            for k, name in enumerate(BRANCHES)
        }
        next_stage()
        products = {
            name: [
                stages.register(f"{name}_product_{i}", f * g)
                for i, (f, g) in enumerate(zip(factors[name], gains[name], strict=True))
            ]
            for name in BRANCHES
        }
        fifth = next_stage()
        m.d.comb += parameters.late_place.eq(Cat(fifth.part, fifth.set))
        m.d.comb += parameters.freed.eq(advance & fifth.valid & fifth.head.last_word)
        products = {name: delayed(f"{name}_output", products[name]) for name in BRANCHES}
        constants = {
            name: delayed(f"{name}_constant", [parameters.constant[k][i] for i in lanes])
            for k, name in enumerate(BRANCHES)
        }
        losses = {
            name: delayed(f"{name}_loss", [parameters.loss[k][i] for i in lanes])
            for k, name in enumerate(BRANCHES)
        }
        sixth = next_stage()

        # Shift all but one bit away; missing*loss as a sum of two (4 has no lower bits).
        halves = {
            name: [
                stages.register(
                    f"{name}_shifted_{i}",
                    Array(product >> (shift - 1) for shift in SLOPE_SHIFTS)[sixth.head.slope_shift],
                )
                for i, product in enumerate(products[name])
            ]
            for name in BRANCHES
        }
        penalties = {}
        for k, name in enumerate(BRANCHES):
            missing = sixth.head.missing[k]
            penalties[name] = [
                stages.register(
                    f"{name}_penalty_{i}",
                    Mux(missing[0], loss, 0)
                    + Mux(missing[2], loss << 2, Mux(missing[1], loss << 1, 0)),
                )
                for i, loss in enumerate(losses[name])
            ]
        constants = {name: delayed(f"{name}_constant7", constants[name]) for name in BRANCHES}
        next_stage()

        # Round half up, and the rest.
        rounded = {
            name: [
                stages.register(f"{name}_rounded_{i}", (half + 1) >> 1)
                for i, half in enumerate(halves[name])
            ]
            for name in BRANCHES
        }
        adjusts = {
            name: [
                stages.register(f"{name}_adjust_{i}", constant - penalty)
                for i, (constant, penalty) in enumerate(
                    zip(constants[name], penalties[name], strict=True)
                )
            ]
            for name in BRANCHES
        }
        next_stage()
        totals = {name: add(f"{name}_total", rounded[name], adjusts[name]) for name in BRANCHES}
        next_stage()
        branches = {
            name: [
                stages.register(f"{name}_branch_{i}", saturate(value, VALUE))
                for i, value in enumerate(totals[name])
            ]
            for name in BRANCHES
        }
        next_stage()

        # The sum of all, saturated once.
        first = add("three", branches["h3"], branches["w3"])
        second = add("five", branches["h5"], branches["w5"])
        for stage in range(4, 11):
            middle = delayed(f"middle{stage}", middle)
        for stage in range(11, 15):
            branches = {n: delayed(f"{n}_branch{stage}", v) for n, v in branches.items()}
        middle = delayed("middle11", middle)
        next_stage()
        both = add("branches", first, second)
        middle = delayed("middle12", middle)
        next_stage()
        exact = add("exact", both, middle)
        next_stage()
        sums = [
            stages.register(f"sum_{i}", saturate(value, VALUE)) for i, value in enumerate(exact)
        ]
        last = next_stage()

        # Collect the parts of a word; hand whole words to memory.
        word = Signal(data.ArrayLayout(part_word(c), parts(c)), reset_less=True)
        out = Signal.like(word.as_value(), reset_less=True)
        end_layout = data.StructLayout({"address": len(last.head.address), "last": 1})
        word_end, out_end = (
            Signal(end_layout, name=n, reset_less=True) for n in ("word_end", "out_end")
        )
        full, waiting, wrote, hand_over = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            advance.eq(~(full & waiting)),
            hand_over.eq(full & ~waiting),
            wrote.eq(waiting & self.u_write.grant),
        ]
        collect, number = last.valid & advance, last.part if parts(c) > 1 else Const(0)
        with m.If(collect):
            m.d.sync += word[number].eq(Cat(*sums))
        with m.If(collect & (number == parts(c) - 1)):
            m.d.sync += [
                full.eq(1),
                word_end.address.eq(last.head.address),
                word_end.last.eq(last.head.last),
            ]
        with m.Elif(hand_over):
            m.d.sync += full.eq(0)
        with m.If(hand_over):
            m.d.sync += [waiting.eq(1), out.eq(word), out_end.eq(word_end)]
        with m.Elif(wrote):
            m.d.sync += waiting.eq(0)
        m.d.comb += [
            self.u_write.request.eq(waiting),
            self.u_write.address.eq(out_end.address),
            self.u_write.data.eq(out),
            self.u_write.mask.eq(~0),
        ]
        m.d.sync += self.done.eq(wrote & out_end.last)

        m.d.comb += [
            self.trace_branch_valid.eq(collect),
            self.trace_branch.tag.eq(last.head.tag),
            self.trace_branch.sum.eq(Cat(*sums)),
            *(self.trace_branch[name].eq(Cat(*branches[name])) for name in BRANCHES),
        ]
        return m
