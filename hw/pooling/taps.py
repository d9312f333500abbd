"""Reads the neighbourhoods that the pooled branches add up, and adds their pairs."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import command_stream, value_word, x_read
from hw.pooling.layouts import TAPS, head_layout, part_bits, part_word, parts, taps_layout
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration

MIDDLE = TAPS.index("middle")
WIDE = 4
"""Tokens of a row in which no token lacks neighbours on both sides."""


class Taps(wiring.Component):
    """Every token of a picture row with its neighbours' sums at distance 1 and 2, part by part.

    For each channel word, for each column: the words of the other rows at the column and the
    middle row's word two columns ahead are read into one set of registers, while the set before
    is given out `pool_lanes` channels at a time.  The middle row's parts then pass a delay line,
    whose taps are the neighbours to the left and right.  Two columns before the first only fill
    that line; the two behind the last are zeros, which are the left border of the next channel
    word as well.  Rows outside the picture are zeros in the registers.

    A column of n reads (at most 5) takes ``max(n, lanes/pool_lanes)`` cycles while they are
    granted, one more if both are equal; a channel word about 4 + lanes/pool_lanes more.
    Golden partner: taps of a pooled branch, ``hw.spec.numerics``.  Validated for any width.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of BRANCH)
        Commands; the next one is taken when the last word of one was read.
    x : Out(x memory read)
        Words of up to five picture rows.
    stall : In(1)
        No word is read in this cycle.
    taps : Out(stream of parts with their neighbours' sums)
        Order: channel word, column, part.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.BRANCH)),
                "x": Out(x_read(c)),
                "stall": In(1),
                "taps": Out(stream.Signature(taps_layout(c))),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, command = self._c, self.command
        fields = Signal.like(command.payload)
        held = Signal()

        # Walk: channel word, then step; step s reads column s of the middle row and column s - 2
        # of the others, and belongs to column s - 2.
        word = Signal.like(fields.words)
        number = Signal(len(fields.width) + 1)
        inside, last_number, last_word = Signal(), Signal(), Signal()
        has_right2, next_has_right2 = Signal(), Signal()
        m.d.comb += [
            inside.eq(number >= 2),
            last_number.eq(number == fields.width + 1),
            last_word.eq(word == fields.words - 1),
            has_right2.eq(number < fields.width),
            next_has_right2.eq(number + 1 < fields.width),
        ]

        pending = Signal(len(TAPS))
        address_bits = len(fields.row0)
        ahead, here = Signal(address_bits), Signal(address_bits)
        target, word_target = (
            Signal.like(fields.destination_base, name=name) for name in ("target", "word_target")
        )
        allowed, step, step_end = Signal(), Signal(), Signal()
        chosen = Signal(len(TAPS))
        m.d.comb += [
            chosen.eq(pending & -pending),
            step_end.eq(step & (pending == chosen)),
        ]
        rows = [fields[f"row{i}"] for i in range(len(TAPS))]
        row = Signal(address_bits)
        for i, base in enumerate(rows):
            with m.If(chosen[i]):
                m.d.comb += row.eq(base)
        m.d.comb += [
            self.x.address.eq(row + Mux(chosen[MIDDLE], ahead, here)),
            self.x.request.eq(held & allowed & ~self.stall & (pending != 0)),
            step.eq(held & allowed & ~self.stall & ((pending == 0) | self.x.grant)),
        ]

        def wanted(valid, middle, vertical) -> list:
            return [middle if i == MIDDLE else valid[i] & vertical for i in range(len(TAPS))]

        with m.If(step):
            m.d.sync += pending.eq(pending & ~chosen)
        with m.If(step_end):
            m.d.sync += [
                number.eq(number + 1),
                ahead.eq(ahead + fields.token),
                pending.eq(Cat(*wanted(fields.valid, next_has_right2, number >= 1))),
            ]
            with m.If(inside):
                m.d.sync += [
                    here.eq(here + fields.token),
                    target.eq(target + fields.destination_token),
                ]
            with m.If(last_number):
                m.d.sync += [
                    number.eq(0),
                    word.eq(word + 1),
                    ahead.eq(word + 1),
                    here.eq(word + 1),
                    target.eq(word_target + 1),
                    word_target.eq(word_target + 1),
                    pending.eq(1 << MIDDLE),
                ]
                with m.If(last_word):
                    m.d.sync += held.eq(0)
        m.d.comb += command.ready.eq(~held | (step_end & last_number & last_word))
        with m.If(command.valid & command.ready):
            m.d.sync += [
                fields.eq(command.payload),
                held.eq(1),
                number.eq(0),
                word.eq(0),
                ahead.eq(0),
                here.eq(0),
                target.eq(command.payload.destination_base),
                word_target.eq(command.payload.destination_base),
                pending.eq(1 << MIDDLE),
            ]

        # What a step's registers hold beside the words.
        layout = data.StructLayout({"inside": 1, "rows": len(TAPS), "head": head_layout(c)})
        info = Signal(layout)
        # The column's first and last two have fewer neighbours; BranchParameters takes off what
        # every column of a row of less than four lacks.
        first, second = number == 2, number == 3
        next_to_last = number == fields.width
        m.d.comb += [
            info.inside.eq(inside),
            info.rows.eq(Cat(*wanted(fields.valid, has_right2, Const(1, 1)))),
            info.head.w3_loss.eq(first ^ last_number),
            info.head.slope_shift.eq(fields.slope_shift),
            info.head.tag.eq(fields.tag),
            info.head.address.eq(target),
            info.head.last_word.eq(last_number),
            info.head.last.eq(last_number & last_word),
        ]
        with m.If(fields.width >= WIDE):
            m.d.comb += info.head.w5_loss.eq(Mux(first | last_number, 2, second | next_to_last))

        # Collect the words of a step.
        arriving, arriving_last = Signal(len(TAPS)), Signal()
        arriving_info, full_info, out_info = (
            Signal(layout, name=name, reset_less=True)
            for name in ("arriving_info", "full_info", "out_info")
        )
        m.d.sync += [
            arriving.eq(chosen & step.replicate(len(TAPS))),
            arriving_last.eq(step_end),
            arriving_info.eq(info),
        ]
        full, giving, free, move, push = Signal(), Signal(), Signal(), Signal(), Signal()
        collected = [
            Signal(value_word(c), name=f"collected_{name}", reset_less=True) for name in TAPS
        ]
        given = [Signal(value_word(c), name=f"given_{name}", reset_less=True) for name in TAPS]
        for i, tap in enumerate(collected):
            with m.If(arriving[i]):
                m.d.sync += tap.eq(self.x.data)
        m.d.comb += move.eq(full & free)
        with m.If(arriving_last):
            m.d.sync += [full.eq(1), full_info.eq(arriving_info)]
        with m.Elif(move):
            m.d.sync += full.eq(0)
        # A word asked for now arrives behind the next edge but one: by then the step before must
        # have moved on.
        m.d.comb += allowed.eq(~(full & arriving_last) & (~(full | arriving_last) | free))

        # Give them out part by part.
        last_part = parts(c) - 1
        part = Signal(part_bits(c))
        m.d.comb += free.eq(~giving | (push & (part == last_part)))
        with m.If(push):
            m.d.sync += part.eq(part + 1)
        with m.If(free):
            m.d.sync += [giving.eq(move), part.eq(0)]
        with m.If(move):
            m.d.sync += [
                out_info.eq(full_info),
                *(
                    g.eq(Mux(exists, w.as_value(), 0))
                    for g, w, exists in zip(given, collected, full_info.rows, strict=True)
                ),
            ]

        def part_of(value) -> Value:
            flat, size = value.as_value(), c.pool_lanes * 16
            pieces = Array(flat[i * size : (i + 1) * size] for i in range(parts(c)))
            return pieces[part] if parts(c) > 1 else flat

        line = [Signal(part_word(c), name=f"line{i}", reset_less=True) for i in range(4 * parts(c))]
        newest = part_of(given[MIDDLE])
        with m.If(push):
            m.d.sync += [
                later.eq(earlier) for later, earlier in zip(line, [newest, *line[:-1]], strict=True)
            ]

        out = self.taps.payload
        m.d.comb += push.eq(giving & (~self.taps.valid | self.taps.ready))
        with m.If(self.taps.ready):
            m.d.sync += self.taps.valid.eq(0)

        n = parts(c)
        at = {name: part_of(word) for name, word in zip(TAPS, given, strict=True)}
        pairs = {
            "vertical1": (at["up1"], at["down1"]),
            "vertical2": (at["up2"], at["down2"]),
            "horizontal1": (line[3 * n - 1], line[n - 1]),
            "horizontal2": (line[4 * n - 1], newest),
        }
        with m.If(push):
            m.d.sync += [
                self.taps.valid.eq(out_info.inside),
                out.part.eq(part),
                out.head.eq(out_info.head),
                out.head.last_word.eq(out_info.head.last_word & (part == last_part)),
                out.middle.eq(line[2 * n - 1]),
            ]
            for name, (one, other) in pairs.items():
                m.d.sync += [
                    out[name][i].eq(
                        data.View(part_word(c), one)[i] + data.View(part_word(c), other)[i]
                    )
                    for i in range(c.pool_lanes)
                ]
        return m
