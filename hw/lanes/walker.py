"""The walker: names the next beat of the present command, and where its operands lie."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import struct
from hw.lanes.beat import SETS, beat_layout
from hw.lanes.grid_walk import GridWalk
from hw.lanes.staging import STAGED
from hw.lanes.walks import MOVE, BitsWalk, LinearWalk
from hw.spec.commands import RECORDS, Bits, Opcode
from hw.spec.configuration import Configuration

COPIED = (
    "tag",
    "double",
    "offset",
    "gain_shift",
    "slope_shift",
    "residual",
    "main",
    "parameter_fields",
    "residual_gain",
    "slope_positive",
    "destination",
    "pooled",
    "pool",
    "bits",
    "bits_from_out",
    "sets",
    "bits_set",
)


class Walker(wiring.Component):
    """Loops outer, tile, inner, token; one beat an `advance`, the next command without a bubble.

    The residual's address moves in inner group 0 only: the other inner groups take its words from
    a cache.  `gap` asks for cycles without a beat behind the present one: where a group is shorter
    than its bit sets, and where the transposer empties.  Golden partner: none (addresses).

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    staged : In(stream of STAGED)
        Commands; taken while the last beat of the one before is admitted, or when idle.
    advance : In(1)
        The present beat is admitted.
    active : Out(1)
        There is a present beat.
    beat : Out(beat_layout)
        The present beat.
    residual_word : Out(13)
        Its residual's address.
    main_word : Out(13)
        Its main operand's address.
    gap : Out(range(max(3, group_tiles)))
        Cycles to leave free behind it.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "staged": In(stream.Signature(STAGED)),
                "advance": In(1),
                "active": Out(1),
                "beat": Out(beat_layout(c)),
                "residual_word": Out(13),
                "main_word": Out(13),
                "gap": Out(range(max(3, c.group_tiles))),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        command = Signal(struct(RECORDS[Opcode.LINEAR]), reset_less=True)
        new = self.staged.payload.command
        slot, slots_left = Signal(range(c.rows)), Signal(range(c.rows))
        inner_left, tiles_left, outer_left = Signal(10), Signal(12), Signal(10)
        first, one_inner, one_tile = Signal(), Signal(), Signal()
        set_, group, outer_group = Signal(range(SETS)), Signal(10), Signal(10)

        # Where the loops stand: flags in registers, so that what comes next is one LUT behind
        # `advance`; the counters that they belong to have a cycle for their comparisons.
        last_slot, inner_ends, tiles_end, outer_ends = Signal(), Signal(), Signal(), Signal()
        last_token, last_inner, last_tile, last = Signal(), Signal(), Signal(), Signal()
        move = Signal(MOVE)
        m.d.comb += [
            last_token.eq(last_slot),
            last_inner.eq(last_slot & inner_ends),
            last_tile.eq(last_slot & inner_ends & tiles_end),
            last.eq(last_slot & inner_ends & tiles_end & outer_ends),
            self.staged.ready.eq(~self.active | (self.advance & last)),
            move.token.eq(self.advance & ~last_token),
            move.again.eq(self.advance & last_slot & ~inner_ends),
            move.tile.eq(self.advance & last_inner & ~tiles_end),
            move.outer.eq(self.advance & last_tile & ~outer_ends),
            move.load.eq(self.staged.ready & self.staged.valid),
        ]

        # Loops.
        def begin_tile(last_one, tokens):
            """The first slot of a tile: `last_one` has `tokens`, the others a row each."""
            slots = Mux(last_one, tokens, c.rows)
            return [slot.eq(0), slots_left.eq(slots - 1), last_slot.eq(slots == 1)]

        with m.If(move.token):
            m.d.sync += [
                slot.eq(slot + 1),
                slots_left.eq(slots_left - 1),
                last_slot.eq(slots_left == 1),
            ]
        with m.If(move.again):
            m.d.sync += [
                *begin_tile(tiles_end, command.last_tokens),
                inner_left.eq(inner_left - 1),
                inner_ends.eq(inner_left == 1),
                first.eq(0),
                group.eq(group + command.group_step),
            ]
        with m.If(move.tile):
            m.d.sync += [
                *begin_tile(tiles_left == 1, command.last_tokens),
                tiles_left.eq(tiles_left - 1),
                tiles_end.eq(tiles_left == 1),
                inner_left.eq(command.inner - 1),
                inner_ends.eq(one_inner),
                first.eq(1),
                group.eq(outer_group),
            ]
        with m.If(move.outer):
            m.d.sync += [
                *begin_tile(one_tile, command.last_tokens),
                outer_left.eq(outer_left - 1),
                outer_ends.eq(outer_left == 1),
                tiles_left.eq(command.tiles - 1),
                tiles_end.eq(one_tile),
                inner_left.eq(command.inner - 1),
                inner_ends.eq(one_inner),
                first.eq(1),
                group.eq(outer_group + 1),
                outer_group.eq(outer_group + 1),
            ]
        with m.If(self.advance & self.beat.last_of_set):
            m.d.sync += set_.eq(set_ + 1)
        with m.If(self.staged.ready):
            m.d.sync += self.active.eq(self.staged.valid)
        with m.If(move.load):
            m.d.sync += [
                command.eq(new),
                *begin_tile(new.tiles == 1, new.last_tokens),
                first.eq(1),
                one_inner.eq(new.inner == 1),
                one_tile.eq(new.tiles == 1),
                outer_left.eq(new.outer - 1),
                outer_ends.eq(new.outer == 1),
                tiles_left.eq(new.tiles - 1),
                tiles_end.eq(new.tiles == 1),
                inner_left.eq(new.inner - 1),
                inner_ends.eq(new.inner == 1),
                group.eq(new.first_group),
                outer_group.eq(new.first_group),
            ]

        # Addresses.
        m.submodules.residual = residual = LinearWalk(outer_step=1)
        m.submodules.main = main = GridWalk()
        m.submodules.destination = destination = LinearWalk(outer_step=0)
        m.submodules.bits = bits = BitsWalk(c)
        m.d.comb += [
            residual.move.token.eq((move.token | move.again | move.tile) & first),
            residual.move.outer.eq(move.outer),
            residual.move.load.eq(move.load),
            residual.base.eq(new.residual_base),
            residual.stride.eq(command.residual_token),
            self.residual_word.eq(residual.word),
            main.move.eq(move),
            main.base.eq(new.main_base),
            main.stride.eq(new.main_token),
            main.row_stride.eq(new.main_row),
            main.up.eq(new.up),
            main.up_row.eq(new.up_row),
            main.width.eq(new.width),
            self.main_word.eq(main.word),
            destination.move.eq(move),
            destination.base.eq(new.destination_base),
            destination.stride.eq(command.destination_token),
            bits.move.eq(move),
            bits.base.eq(self.staged.payload.bits_start),
            bits.first_key.eq(new.first_key),
            bits.bits.eq(command.bits),
            bits.stride.eq(command.bits_tile),
        ]

        # The beat.
        block_ends = (bits.key % c.lanes == c.lanes - 1) | last_tile
        m.d.comb += [
            *(self.beat[name].eq(command[name]) for name in COPIED),
            self.beat.skip.eq((command.opcode == Opcode.PASS) | (command.opcode == Opcode.AFFINE)),
            self.beat.zero.eq(command.opcode == Opcode.PASS),
            self.beat.set.eq(set_),
            self.beat.slot.eq(slot),
            self.beat.first.eq(first),
            self.beat.group.eq(group),
            self.beat.inner.eq(~inner_ends),
            self.beat.next_group.eq(group + command.group_step),
            self.beat.destination_word.eq(destination.word),
            self.beat.bits_word.eq(bits.word),
            self.beat.key.eq(bits.key),
            self.beat.flush.eq((command.bits == Bits.VALUE) & block_ends),
            # With one inner group a set serves all tiles of its outer group.
            self.beat.last_of_set.eq(Mux(one_inner, last_tile, last_token)),
            self.beat.last.eq(last),
        ]
        with m.If((command.bits == Bits.ROW) & last_token & (slot == 0) & (command.sets > 1)):
            m.d.comb += self.gap.eq(command.sets - 1)
        with m.Elif((command.bits == Bits.ROW) & last_token & (slot == 1) & (command.sets == 3)):
            m.d.comb += self.gap.eq(1)
        with m.Elif(self.beat.flush):
            m.d.comb += self.gap.eq(c.group_tiles - 1)
        return m
