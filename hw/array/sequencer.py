"""Issue of operand words: when a step may go, and the drain of what it makes."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.array.fifo import result_beats
from hw.array.loops import Loops, step_layout
from hw.array.systolic import HOLD_LATENCY, drain_latency
from hw.interfaces import command_stream
from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration

OPERAND_LATENCY = 2
"""Cycles from the issue of a word to the masked operand at cluster 0: memory, mask."""


class Sequencer(wiring.Component):
    """Issues one operand word a cycle; everything behind the issue is feed-forward.

    A word waits while `stall` is high; the first word of a tile of SCORE for `score_ready`, a
    cycle before and not taken by another tile; and
    the first of a group's last words until its hold will have been read and, unless it is SCORE,
    until the result FIFO has `rows` places free, of which it reserves the group's tokens (none for
    the beat to subtract, which does not go there).  The
    rest of a group's last words needs no such check: hold g is read and loaded g cycles later.

    Let the last of a group's last words go in cycle e, and be loaded in cycle e + load.  Hold 0
    shows token 0 at ``e + 1 + max(0, load - (group_tiles - 1))``, hold g g cycles later, so that
    one multiplexer token a cycle gives whole beats even if a stall split the last words.

    Latency: command to first issue two cycles.  No bubble between groups or commands:
    a group takes max(words issued, tokens) cycles.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(stream of the LINEAR record)
        LINEAR, CONTEXT or SCORE.
    stall : In(1)
        Issue nothing in this cycle.
    score_ready : In(1)
        The attention unit can take one more tile, in the next cycle too unless one begins.
    score_tile : Out(1)
        The first word of a tile of SCORE is issued in this cycle.
    taken : In(1)
        A beat left the result FIFO.
    issue : Out(1)
        `step` is issued in this cycle.
    step : Out(step_layout)
        The word.
    token : Out(rows)
        One hot: token that the holds of column tile 0 of cluster 0 show.
    beat : Out(1)
        The array's result is a beat in this cycle.
    beat_score : Out(1)
        That beat is of SCORE.
    beat_context : Out(1)
        It is of CONTEXT: a token's.
    beat_subtract : Out(1)
        It is of CONTEXT: what the tokens' beats behind it have too much, negative.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "command": In(command_stream(Opcode.LINEAR)),
                "stall": In(1),
                "score_ready": In(1),
                "score_tile": Out(1),
                "taken": In(1),
                "issue": Out(1),
                "step": Out(step_layout(c)),
                "token": Out(c.rows),
                "beat": Out(1),
                "beat_score": Out(1),
                "beat_context": Out(1),
                "beat_subtract": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        m.submodules.loops = loops = Loops(c)
        wiring.connect(m, loops.command, wiring.flipped(self.command))

        # Two steps wait between the loops and the issue decision, so that neither sees the other
        # but through a register: the loops go on while the second place is free.
        waiting = Signal(step_layout(c), reset_less=True)
        second = Signal(step_layout(c), reset_less=True)
        valid, second_valid, moves = Signal(), Signal(), Signal()
        m.d.comb += [
            loops.step.ready.eq(~second_valid),
            moves.eq(~valid | self.issue),
            self.step.eq(waiting),
        ]
        with m.If(~second_valid):
            m.d.sync += second.eq(loops.step.payload)
        with m.If(moves):
            m.d.sync += [
                valid.eq(second_valid | loops.step.valid),
                second_valid.eq(0),
                waiting.eq(Mux(second_valid, second, loops.step.payload)),
            ]
        with m.Elif(loops.step.valid):
            m.d.sync += second_valid.eq(1)

        # Room for a tile of scores, of the cycle before; only a tile takes it.
        score_room = Signal()
        m.d.sync += score_room.eq(self.score_ready & ~self.score_tile)

        capacity = result_beats(c)
        room, left = Signal(range(capacity + 1), init=capacity), Signal(range(capacity + 1))
        room_enough = Signal(init=1)
        hold_wait, hold_free = Signal(range(c.rows + 1)), Signal(init=1)
        reserve, reserves = Signal(), Signal()
        m.d.comb += [
            self.issue.eq(
                valid
                & ~self.stall
                & ~(waiting.tile_begin & ~score_room)
                & (~waiting.last_begin | (hold_free & (~reserves | room_enough)))
            ),
            self.score_tile.eq(self.issue & waiting.tile_begin),
            reserves.eq(~waiting.score & ~waiting.subtract),
            reserve.eq(self.issue & waiting.last_begin & reserves),
            left.eq(room - waiting.tokens),
        ]
        # Every outcome is compared before the issue and the sink decide which it is.
        m.d.sync += [
            room.eq(Mux(reserve, left, room) + self.taken),
            room_enough.eq(
                Mux(
                    self.taken,
                    Mux(reserve, left >= c.rows - 1, room >= c.rows - 1),
                    Mux(reserve, left >= c.rows, room >= c.rows),
                )
            ),
        ]

        # Hold 0 may be loaded `tokens` cycles after the tokens before began to be read.
        load = OPERAND_LATENCY + HOLD_LATENCY - 1
        spread = c.group_tiles - 1
        overlap = min(load, spread)
        ended = self.issue & waiting.last_end
        with m.If(ended):
            short = waiting.tokens <= overlap + 1
            m.d.sync += [
                hold_wait.eq(Mux(short, 0, waiting.tokens - (overlap + 1))),
                hold_free.eq(short),
            ]
        with m.Elif(~hold_free):
            m.d.sync += [hold_wait.eq(hold_wait - 1), hold_free.eq(hold_wait == 1)]

        # The drain.
        kinds = data.StructLayout({"score": 1, "context": 1, "subtract": 1})
        kind = Signal(kinds)
        m.d.comb += [
            kind.score.eq(waiting.score),
            kind.context.eq(waiting.context & ~waiting.subtract),
            kind.subtract.eq(waiting.subtract),
        ]
        start, tokens = ended, waiting.tokens
        for stage in range(max(0, load - spread)):
            start_later = Signal(name=f"start{stage}")
            tokens_later = Signal.like(waiting.tokens, name=f"tokens{stage}", reset_less=True)
            kind_later = Signal(kinds, name=f"kind{stage}", reset_less=True)
            m.d.sync += [start_later.eq(start), tokens_later.eq(tokens), kind_later.eq(kind)]
            start, tokens, kind = start_later, tokens_later, kind_later
        remaining, draining = Signal.like(waiting.tokens), Signal()
        token, draining_kind = Signal(self.token.shape()), Signal(kinds)
        with m.If(start):
            m.d.sync += [
                token.eq(1),
                draining.eq(1),
                remaining.eq(tokens - 1),
                draining_kind.eq(kind),
            ]
        with m.Elif(remaining != 0):
            m.d.sync += [token.eq(token << 1), remaining.eq(remaining - 1)]
        with m.Else():
            m.d.sync += draining.eq(0)
        m.d.comb += self.token.eq(token)
        beat, beat_kind = draining, draining_kind
        for stage in range(drain_latency(c)):
            beat_later = Signal(name=f"beat{stage}")
            beat_kind_later = Signal(kinds, name=f"beat_kind{stage}", reset_less=True)
            m.d.sync += [beat_later.eq(beat), beat_kind_later.eq(beat_kind)]
            beat, beat_kind = beat_later, beat_kind_later
        m.d.comb += [
            self.beat.eq(beat),
            self.beat_score.eq(beat_kind.score),
            self.beat_context.eq(beat_kind.context),
            self.beat_subtract.eq(beat_kind.subtract),
        ]
        return m
