"""Reads the neighbourhoods that the pooled branches add up, and adds their pairs."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
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
    granted, one more if both are equal; a channel word about 4 + lanes/pool_lanes more.  A column
    is given out from its first part to its last without a stop, once it may.
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
    filled : In(2)
        Channel words, modulo 4, whose columns may be given out.
    room : In(1)
        One more column finds room behind `taps`; falls only because of `moved`.
    moved : Out(1)
        A column that comes out of `taps` is about to be given out.
    taps : Out(stream of parts with their neighbours' sums, always ready)
        Order: channel word, column, part.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.BRANCH)),
                "x": Out(x_read(c)),
                "stall": In(1),
                "filled": In(2),
                "room": In(1),
                "moved": Out(1),
                "taps": Out(stream.Signature(taps_layout(c), always_ready=True)),
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
        inside, last_number = Signal(), Signal()
        last_word, next_last_word = Signal(), Signal()
        has_right2, next_has_right2 = Signal(), Signal()
        m.d.comb += [
            inside.eq(number >= 2),
            next_last_word.eq(word + 2 == fields.words),
            has_right2.eq(number < fields.width),
            next_has_right2.eq(number + 1 < fields.width),
        ]

        pending = Signal(len(TAPS))
        address_bits = len(fields.row0)
        ahead, here = Signal(address_bits), Signal(address_bits)
        target, word_target = (
            Signal.like(fields.destination_base, name=name) for name in ("target", "word_target")
        )
        step, step_end = Signal(), Signal()
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

        def wanted(valid, middle, vertical) -> list:
            return [middle if i == MIDDLE else valid[i] & vertical for i in range(len(TAPS))]

        with m.If(step):
            m.d.sync += pending.eq(pending & ~chosen)
        with m.If(step_end):
            m.d.sync += [
                number.eq(number + 1),
                last_number.eq(number == fields.width),
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
                    last_word.eq(next_last_word),
                    ahead.eq(word + 1),
                    here.eq(word + 1),
                    target.eq(word_target + 1),
                    word_target.eq(word_target + 1),
                    pending.eq(1 << MIDDLE),
                ]
                with m.If(last_word):
                    m.d.sync += held.eq(0)
        m.d.comb += command.ready.eq(~held)
        with m.If(command.valid & command.ready):
            m.d.sync += [
                fields.eq(command.payload),
                held.eq(1),
                number.eq(0),
                last_number.eq(0),
                word.eq(0),
                last_word.eq(command.payload.words == 1),
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

        # The walk is a register ahead of memory.
        asked = data.StructLayout(
            {"valid": 1, "request": 1, "tap": len(TAPS), "end": 1, "info": layout}
        )
        ask, goes, allowed = Signal(asked), Signal(), Signal()
        m.d.comb += [
            self.x.request.eq(ask.request & allowed & ~self.stall),
            goes.eq(ask.valid & allowed & ~self.stall & (~ask.request | self.x.grant)),
            step.eq(held & (~ask.valid | goes)),
        ]
        with m.If(~ask.valid | goes):
            m.d.sync += [
                ask.valid.eq(held),
                ask.request.eq(held & (pending != 0)),
                ask.tap.eq(chosen),
                ask.end.eq(pending == chosen),
                ask.info.eq(info),
                self.x.address.eq(row + Mux(chosen[MIDDLE], ahead, here)),
            ]

        # Collect the words of a step.
        arriving, arriving_last = Signal(len(TAPS)), Signal()
        arriving_info, full_info, out_info = (
            Signal(layout, name=name, reset_less=True)
            for name in ("arriving_info", "full_info", "out_info")
        )
        m.d.sync += [
            arriving.eq(ask.tap & goes.replicate(len(TAPS))),
            arriving_last.eq(goes & ask.end),
            arriving_info.eq(ask.info),
        ]
        full, giving, free, move = Signal(), Signal(), Signal(init=1), Signal()
        collected = [
            Signal(value_word(c), name=f"collected_{name}", reset_less=True) for name in TAPS
        ]
        given = [Signal(value_word(c), name=f"given_{name}", reset_less=True) for name in TAPS]
        # A column that leaves needs parameters and room.  A cycle late, so not beside a move.
        moving_word, may_enter = Signal(2), Signal()
        m.d.sync += may_enter.eq((moving_word != self.filled) & self.room & ~self.moved)
        m.d.comb += self.moved.eq(move & full_info.inside)
        with m.If(move & full_info.head.last_word):
            m.d.sync += moving_word.eq(moving_word + 1)
        for i, tap in enumerate(collected):
            with m.If(arriving[i]):
                m.d.sync += tap.eq(self.x.data)
        m.d.comb += move.eq(full & free & (may_enter | ~full_info.inside))
        with m.If(arriving_last):
            m.d.sync += [full.eq(1), full_info.eq(arriving_info)]
        with m.Elif(move):
            m.d.sync += full.eq(0)
        # A word asked for now arrives behind the next edge but one: by then the step before must
        # have moved on.
        waits = Mux(full, full_info.inside, arriving_info.inside) & ~may_enter
        m.d.comb += allowed.eq(
            ~(full & arriving_last) & (~(full | arriving_last) | (free & ~waits))
        )

        # Give them out part by part: the lowest one, while the others move down.
        last_part = parts(c) - 1
        part, out_set = Signal(part_bits(c)), Signal()
        with m.If(giving):
            m.d.sync += part.eq(part + 1)
        # `giving` shifts every part; `free`, that no later part follows, leads to memory's arbiter.
        with m.If(free):
            m.d.sync += [giving.eq(move), part.eq(0), free.eq(~move | (last_part == 0))]
        with m.Else():
            m.d.sync += free.eq(part + 1 == last_part)
        with m.If(move):
            m.d.sync += [out_info.eq(full_info), out_set.eq(moving_word[0])]
        size = c.pool_lanes * 16
        for tap, word, exists in zip(given, collected, full_info.rows, strict=True):
            with m.If(move):
                m.d.sync += tap.eq(Mux(exists, word.as_value(), 0))
            if parts(c) > 1:
                with m.Else():
                    m.d.sync += tap.eq(tap.as_value() >> size)
        at = {name: tap.as_value()[:size] for name, tap in zip(TAPS, given, strict=True)}

        n, newest = parts(c), at["middle"]
        line = [Signal(part_word(c), name=f"line{i}", reset_less=True) for i in range(4 * n)]
        with m.If(giving):
            m.d.sync += [
                later.eq(earlier) for later, earlier in zip(line, [newest, *line[:-1]], strict=True)
            ]

        out = self.taps.payload
        pairs = {
            "vertical1": (at["up1"], at["down1"]),
            "vertical2": (at["up2"], at["down2"]),
            "horizontal1": (line[3 * n - 1], line[n - 1]),
            "horizontal2": (line[4 * n - 1], newest),
        }
        m.d.sync += [
            self.taps.valid.eq(giving & out_info.inside),
            out.part.eq(part),
            out.set.eq(out_set),
            out.head.eq(out_info.head),
            out.head.last_word.eq(out_info.head.last_word & (part == last_part)),
            out.middle.eq(line[2 * n - 1]),
        ]
        for name, (one, other) in pairs.items():
            m.d.sync += [
                out[name][i].eq(data.View(part_word(c), one)[i] + data.View(part_word(c), other)[i])
                for i in range(c.pool_lanes)
            ]
        return m
