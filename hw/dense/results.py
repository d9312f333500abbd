"""Finishes sums: rounding, saturation, and the write to u memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.control.queue import Queue
from hw.dense.layouts import COMMAND, SERIAL, TARGET, result_cycles, sums
from hw.interfaces import TOTAL_BITS, dense_trace, u_write, value_word
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE

TOKENS = 3
"""Tokens between their last step and their write: one in the written word, one in the results
beside it, one in the sums."""


class Results(wiring.Component):
    """``saturate_VALUE(round(sum, shift))``, or with a bias both halves of the sum.

    SERIAL lanes a cycle: choose their sums, shift, round and saturate; their results are collected
    in a word.  So the shifters are shared by all lanes, and work beside the steps of the next
    tokens.  With a bias the sums pass twice, for their lower and their upper halves.

    Latency ``lanes/SERIAL + 4`` cycles from `sum_valid` to the write, with a bias as much for the
    lower halves and ``lanes/SERIAL`` more for the upper ones; a write waits for its grant.  Sums
    must come at least ``lanes/SERIAL`` cycles apart (twice that with a bias), and for at most
    :data:`TOKENS` tokens (2 with a bias) between `expected` and `free`.  Golden partner: DENSE of
    ``hw.spec.commands``.  Validated within :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(COMMAND)
        The command, stable until `done`.
    expected : In(1)
        A token's sums are on their way.
    target : In(TARGET)
        With `expected`: where they go.
    sum_valid : In(1)
        `sum` is another token's from the next cycle on.
    sum : In(lanes sums)
        Sums of products and bias.
    read : Out(1)
        All of `sum` has been read.
    u_write : Out(u memory write)
        Results, whole words.
    free : Out(1)
        A token's last write is granted.
    done : Out(1)
        Pulse: all results of the command are visible.
    trace_dense_valid : Out(1)
        `trace_dense` shows a write.
    trace_dense : Out(dense trace)
        Tag and word of the write.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        super().__init__(
            {
                "command": In(COMMAND),
                "expected": In(1),
                "target": In(TARGET),
                "sum_valid": In(1),
                "sum": In(sums(c)),
                "read": Out(1),
                "u_write": Out(u_write(c)),
                "free": Out(1),
                "done": Out(1),
                "trace_dense_valid": Out(1),
                "trace_dense": Out(dense_trace(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c, f = self._c, self.command
        cycles = result_cycles(c)

        # Everything moves but where a whole word of results finds the one before still unwritten.
        complete, waiting, moves = Signal(), Signal(), Signal()
        m.d.comb += moves.eq(~(complete & waiting))

        # Lanes by turns, the lower halves and then the upper ones; the sums stay for that long.
        takes, turn, upper = Signal(), Signal(cycles, init=1), Signal()
        pass_end, ends = Signal(), Signal()
        m.d.comb += [
            pass_end.eq(takes & turn[-1]),
            ends.eq(pass_end & (upper | ~f.bias)),
            self.read.eq(ends & moves),
        ]
        with m.If(takes & moves):
            m.d.sync += turn.eq(Cat(turn[-1], turn[:-1]))
            with m.If(pass_end):
                m.d.sync += upper.eq(f.bias & ~upper)
        with m.If(self.sum_valid):
            m.d.sync += takes.eq(1)
        with m.Elif(ends & moves):
            m.d.sync += takes.eq(0)

        amount, valid, word_end = Signal.like(f.shift), Signal(2), Signal(2)
        with m.If(moves):
            m.d.sync += [
                amount.eq(Mux(f.bias, Mux(upper, VALUE.bits, 0), f.shift)),
                valid.eq(Cat(takes, valid[0])),
                word_end.eq(Cat(pass_end, word_end[0])),
            ]
        signs = Signal(VALUE.bits)  # of the sum's upper bits, those that a result has no place for
        m.d.sync += signs.eq(Mux(f.bias, 0, Const(-1, VALUE.bits) << f.shift))
        results = []
        for k in range(SERIAL):
            chosen = Const(0, TOTAL_BITS)
            for i in range(cycles):
                chosen |= Value.cast(self.sum[i * SERIAL + k]) & turn[i].replicate(TOTAL_BITS)
            total = Signal(signed(TOTAL_BITS), name=f"chosen{k}", reset_less=True)
            with m.If(moves):
                m.d.sync += total.eq(chosen)
            results.append(self._result(m, moves, total, amount, signs, k))

        collected = Signal(value_word(c), reset_less=True)
        with m.If(valid[1] & moves):
            m.d.sync += collected.eq(Cat(Value.cast(collected)[SERIAL * VALUE.bits :], *results))
        with m.If(moves):
            m.d.sync += complete.eq(valid[1] & word_end[1])

        # Writes.
        m.submodules.targets = targets = Queue(c, TARGET, 4)
        word, high, wrote = Signal(value_word(c), reset_less=True), Signal(), Signal()
        with m.If(complete & moves):
            m.d.sync += [word.eq(collected), waiting.eq(1)]
        with m.Elif(wrote):
            m.d.sync += waiting.eq(0)
        with m.If(wrote):
            m.d.sync += high.eq(f.bias & ~high)
        target = targets.output.payload
        m.d.comb += [
            targets.input.valid.eq(self.expected),
            targets.input.payload.eq(self.target),
            targets.output.ready.eq(self.free),
            self.u_write.request.eq(waiting),
            self.u_write.address.eq(target.word + high),
            self.u_write.data.eq(word),
            self.u_write.mask.eq(~0),
            wrote.eq(waiting & self.u_write.grant),
            self.free.eq(wrote & (high | ~f.bias)),
            self.trace_dense_valid.eq(wrote),
            self.trace_dense.tag.eq(f.tag),
            self.trace_dense.word.eq(word),
        ]
        m.d.sync += self.done.eq(self.free & target.last)
        return m

    def _result(
        self, m: Module, moves: Signal, total: Signal, amount: Signal, signs: Signal, k: int
    ) -> Value:
        """One of the lanes side by side: shift in one cycle; the result is for the next."""
        f, sign = self.command, total[-1]
        # A bit more than the result's is kept, and rounds it.  The greatest shift comes first, so
        # that each one leaves only the bits which those behind it can still reach.
        kept_bits = VALUE.bits + 1
        shifted = Cat(Const(0, 1), total).as_signed()
        for level in reversed(range(len(amount))):
            step = 1 << level
            shifted = Mux(amount[level], shifted >> step, shifted)[: kept_bits + step - 1]
        kept = Signal(signed(kept_bits), name=f"kept{k}")
        outside, negative = Signal(name=f"outside{k}"), Signal(name=f"negative{k}")
        # Which of the upper bits must equal the sign follows from the shift.
        above = total[VALUE.bits - 1 : -1] ^ sign.replicate(VALUE.bits)
        with m.If(moves):
            m.d.sync += [kept.eq(shifted), outside.eq((above & signs).any()), negative.eq(sign)]
        rounded = kept + ~f.bias
        overflows = ~f.bias & ~kept[-1] & rounded[VALUE.bits]
        return Mux(
            outside | overflows,
            Mux(negative, VALUE.low, VALUE.high)[: VALUE.bits],
            rounded[1 : 1 + VALUE.bits],
        )
