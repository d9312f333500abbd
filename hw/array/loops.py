"""The loops of an array command: one step an operand word, addresses by additions only."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import command_stream
from hw.spec.commands import ARRAY, Opcode
from hw.spec.configuration import Configuration

_BITS = {field.name: field.bits for field in ARRAY}
LANE_BITS = _BITS["heads"] + _BITS["head_channels"] + 1
"""Of a signed lane position: no count of segments overflows it."""


def step_layout(c: Configuration) -> data.StructLayout:
    """One operand word.

    ``first``, ``end``: first and last word of a segment, where the bit limits apply.
    ``subtract``: of the group that CONTEXT begins an outer group with.  ``tile``: column tile.
    ``lane_low``, ``lane_high``: lanes of the segment's head (CONTEXT only).
    ``last``: last word of the group; ``last_begin``, ``last_end``: of its first, last column tile.
    ``tokens``: beats of the group.  ``tile_begin``: first word of a tile of SCORE.
    """
    return data.StructLayout(
        {
            "row_address": (c.row_words - 1).bit_length(),
            "column_address": (c.column_words - 1).bit_length(),
            "tile": range(max(2, c.group_tiles)),
            "first": 1,
            "end": 1,
            "first_bit": _BITS["first_bit"],
            "last_bit": _BITS["last_bit"],
            "subtract": 1,
            "context": 1,
            "lane_low": signed(LANE_BITS),
            "lane_high": signed(LANE_BITS),
            "last": 1,
            "last_begin": 1,
            "last_end": 1,
            "tokens": _BITS["last_tokens"],
            "score": 1,
            "tile_begin": 1,
        }
    )


class Loops(wiring.Component):
    """Turns a command into its steps.

    Order: outer, tile, inner (SCORE: tile, outer, inner, so that a tile's key groups follow each
    other), then segment, word, column tile.  Column words are those of the group, the same for
    every segment.  A count of 0 acts as 1.  In CONTEXT, where inner is 1, a group to `subtract`
    comes before the tiles of every outer group, of one beat.

    A command is copied in the cycle before its transfer, so `command.ready` is a register: every
    other cycle at most.  Latency: its first step is there in the cycle of the transfer.  One step
    a cycle, also from the last of a command to the first of the next; respects back-pressure.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of the LINEAR record)
        LINEAR, CONTEXT or SCORE; only HEADER and ARRAY fields are read.
    step : Out(stream of step_layout)
        Operand words in order.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.LINEAR)),
                "step": Out(stream.Signature(step_layout(c))),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        given, step = self.command.payload, self.step.payload

        # What stays for a command.
        keep = {
            name: Signal(_BITS[name], name=name, reset_less=True)
            for name in (
                "tiles",
                "last_tokens",
                "outer",
                "inner",
                "heads",
                "words",
                "row_base",
                "row_tile",
                "row_head",
                "column_group",
                "first_bit",
                "last_bit",
                "head_channels",
                "head_skip",
            )
        }
        score, context = Signal(), Signal()

        # Counters of what is left, this one included, and whether it is the last, a register each.
        left = {
            name: Signal(_BITS[name], name=f"{name}_left", reset_less=True)
            for name in ("tiles", "outer", "inner", "heads", "words")
        }
        ends = {name: Signal(name=f"{name}_end", reset_less=True) for name in left}
        single = {name: Signal(name=f"{name}_single", reset_less=True) for name in left}

        def count(name: str) -> None:
            m.d.sync += [
                left[name].eq(left[name] - 1),
                ends[name].eq(~left[name][2:].any() & ~left[name][:2].all()),
            ]

        def restart(name: str) -> None:
            m.d.sync += [left[name].eq(keep[name]), ends[name].eq(single[name])]

        active, subtract, first, tile_begin = Signal(), Signal(), Signal(), Signal()
        tile = Signal(step.tile.shape())

        # Nested ends: each implies those before it.  The first two are registers.
        one_tile = int(c.group_tiles == 1)
        tile_end, word_end = Signal(), Signal()
        segment_end, inner_end, middle_end, command_end = Signal(), Signal(), Signal(), Signal()
        # The counters behind the outer ones change after a word's last step.  Where a word has more
        # steps than one, what they say is still in time a cycle later, from a register.
        segment_last, inner_last, middle_last, command_last = (
            Signal(name=n) for n in ("segment_last", "inner_last", "middle_last", "command_last")
        )
        segment = ends["words"] & ends["heads"]
        inner = segment & ends["inner"]
        m.d["comb" if one_tile else "sync"] += [
            segment_last.eq(segment),
            inner_last.eq(inner),
            middle_last.eq(inner & Mux(score, ends["outer"], ends["tiles"]) & ~subtract),
            command_last.eq(inner & ends["outer"] & ends["tiles"] & ~subtract),
        ]
        go, takes = Signal(), Signal()
        m.d.comb += [
            word_end.eq(tile_end & ends["words"]),
            segment_end.eq(tile_end & segment_last),
            inner_end.eq(tile_end & inner_last),
            middle_end.eq(tile_end & middle_last),
            command_end.eq(tile_end & command_last),
            go.eq(active & self.step.ready),
            takes.eq(self.command.valid & ~self.command.ready & (~active | (go & command_end))),
        ]
        m.d.sync += self.command.ready.eq(takes)
        tile_next, tile_restart = Signal(), Signal()
        outer_next, outer_restart = Signal(), Signal()
        m.d.comb += [
            tile_next.eq(
                Mux(score, middle_end & ~command_end, inner_end & ~middle_end & ~subtract)
            ),
            tile_restart.eq(~score & middle_end & ~command_end),
            outer_next.eq(Mux(score, inner_end & ~middle_end, middle_end & ~command_end)),
            outer_restart.eq(score & middle_end & ~command_end),
        ]

        # Addresses.
        row_bits, column_bits = len(step.row_address), len(step.column_address)
        row, row_segment, row_tile = (
            Signal(row_bits, name=n, reset_less=True) for n in ("row", "row_segment", "row_tile0")
        )
        column, column_group, column_outer = (
            Signal(column_bits, name=n, reset_less=True)
            for n in ("column", "column_group0", "column_outer")
        )
        lane_low, lane_high = (
            Signal(signed(LANE_BITS), name=n, reset_less=True) for n in ("lane_low", "lane_high")
        )
        row_tile_next, row_segment_next = Signal(row_bits), Signal(row_bits)
        group_next, column_next_group = Signal(column_bits), Signal(column_bits)
        m.d.comb += [
            row_segment_next.eq(row_segment + keep["row_head"]),
            row_tile_next.eq(row_tile),
            group_next.eq(column_group + keep["column_group"]),
            column_next_group.eq(
                Mux(tile_next | tile_restart | subtract, column_outer, group_next)
            ),
        ]
        with m.If(outer_next & ~score):
            m.d.comb += column_next_group.eq(group_next)
        with m.If(tile_next):
            m.d.comb += row_tile_next.eq(row_tile + keep["row_tile"])
        with m.Elif(tile_restart):
            m.d.comb += row_tile_next.eq(keep["row_base"])

        with m.If(go):
            m.d.sync += [
                tile.eq(Mux(tile_end, 0, tile + 1)),
                tile_end.eq(Mux(tile_end, one_tile, tile == c.group_tiles - 2)),
                column.eq(column + 1),
                tile_begin.eq(score & tile_next),
            ]
            with m.If(tile_end):
                count("words")
                m.d.sync += [row.eq(row + 1), first.eq(0)]
            with m.If(word_end):
                restart("words")
                count("heads")
                m.d.sync += [
                    first.eq(1),
                    row.eq(row_segment_next),
                    row_segment.eq(row_segment_next),
                    column.eq(column_group),
                    lane_low.eq(lane_high),
                    lane_high.eq(lane_high + keep["head_channels"]),
                ]
            with m.If(segment_end):
                restart("heads")
                count("inner")
                m.d.sync += [
                    row.eq(row_tile_next),
                    row_segment.eq(row_tile_next),
                    row_tile.eq(row_tile_next),
                    column.eq(column_next_group),
                    column_group.eq(column_next_group),
                    lane_low.eq(-keep["head_skip"]),
                    lane_high.eq(keep["head_channels"] - keep["head_skip"]),
                ]
            with m.If(inner_end):
                restart("inner")
                m.d.sync += subtract.eq(context & outer_next)
            for name, following, again in (
                ("tiles", tile_next, tile_restart),
                ("outer", outer_next, outer_restart),
            ):
                with m.If(following):
                    count(name)
                with m.Elif(again):
                    restart(name)
            with m.If(outer_next & ~score):
                m.d.sync += column_outer.eq(group_next)
            with m.If(command_end):
                m.d.sync += active.eq(0)

        with m.If(takes):
            m.d.sync += [
                active.eq(1),
                subtract.eq(given.opcode == Opcode.CONTEXT),
                first.eq(1),
                tile.eq(0),
                tile_end.eq(one_tile),
                score.eq(given.opcode == Opcode.SCORE),
                context.eq(given.opcode == Opcode.CONTEXT),
                tile_begin.eq(given.opcode == Opcode.SCORE),
                *(keep[name].eq(given[name]) for name in keep),
                *(left[name].eq(given[name]) for name in left),
                *(ends[name].eq(given[name][1:] == 0) for name in left),
                *(single[name].eq(given[name][1:] == 0) for name in left),
                row.eq(given.row_base),
                row_segment.eq(given.row_base),
                row_tile.eq(given.row_base),
                column.eq(given.column_base),
                column_group.eq(given.column_base),
                column_outer.eq(given.column_base),
                lane_low.eq(-given.head_skip),
                lane_high.eq(given.head_channels - given.head_skip),
            ]

        last = Signal()
        m.d.comb += [
            last.eq(ends["words"] & ends["heads"]),
            self.step.valid.eq(active),
            step.row_address.eq(row),
            step.column_address.eq(column),
            step.tile.eq(tile),
            step.first.eq(first),
            step.end.eq(ends["words"]),
            step.first_bit.eq(keep["first_bit"]),
            step.last_bit.eq(keep["last_bit"]),
            step.subtract.eq(subtract),
            step.context.eq(context),
            step.lane_low.eq(lane_low),
            step.lane_high.eq(lane_high),
            step.last.eq(last),
            step.last_begin.eq(last & (tile == 0)),
            step.last_end.eq(last & tile_end),
            step.tokens.eq(Mux(subtract, 1, Mux(ends["tiles"], keep["last_tokens"], c.rows))),
            step.score.eq(score),
            step.tile_begin.eq(tile_begin),
        ]
        return m
