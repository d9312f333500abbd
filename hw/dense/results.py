"""Finishes sums: bias or rounding, saturation, and the write to u memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.dense.layouts import COMMAND
from hw.dense.products import SUM_BITS
from hw.interfaces import dense_trace, u_write, value_word
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE


class Results(wiring.Component):
    """One token's sums at a time: ``saturate_VALUE(round(sum, shift))``, or both halves of
    ``sum + bias``.

    The sum is shifted by one bit a cycle, beside the steps of the next token; the bit that drops
    out last rounds it.  One adder a lane adds that bit or the bias.

    Latency ``shift + 3`` cycles from `sum_valid` to the write, with `bias` 3 and 5; a write waits
    for its grant.  The next token may `begin` the cycle after `free`.  Golden partner: DENSE of
    ``hw.spec.commands``.  Validated within :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    command : In(COMMAND)
        The command, stable until `done`.
    begin : In(1)
        A sum is on its way; no other one comes before `free`.
    target : In(13)
        With `begin`: u word of the result.
    last : In(1)
        With `begin`: it is the command's last one.
    sum_valid : In(1)
        `sum` is there.
    sum : In(lanes sums)
        Sums of products.
    bias : In(lanes sums)
        Added if the command says so.
    u_write : Out(u memory write)
        Results, whole words.
    free : Out(1)
        The result's last write is granted.
    done : Out(1)
        Pulse: all results of the command are visible.
    trace_dense_valid : Out(1)
        `trace_dense` shows a write.
    trace_dense : Out(dense trace)
        Tag and word of the write.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._c = c = configuration
        sums = data.ArrayLayout(signed(SUM_BITS), c.lanes)
        super().__init__(
            {
                "command": In(COMMAND),
                "begin": In(1),
                "target": In(13),
                "last": In(1),
                "sum_valid": In(1),
                "sum": In(sums),
                "bias": In(sums),
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
        address, last = Signal.like(self.target), Signal()
        with m.If(self.begin):
            m.d.sync += [address.eq(self.target), last.eq(self.last)]

        # Shift, then add the bit that dropped out last, or the bias.
        left, adding, ready = Signal.like(f.shift), Signal(), Signal()
        shifting = Signal()
        value = Signal(data.ArrayLayout(signed(SUM_BITS), c.lanes), reset_less=True)
        half = Signal(c.lanes, reset_less=True)
        m.d.comb += [shifting.eq(adding & (left != 0)), ready.eq(adding & (left == 0))]
        full = Signal()  # `value` is final and not all of it in `out`
        with m.If(self.sum_valid):
            m.d.sync += [adding.eq(1), left.eq(Mux(f.bias, 0, f.shift)), half.eq(0)]
            m.d.sync += value.eq(self.sum)
        with m.Elif(shifting):
            m.d.sync += left.eq(left - 1)
            for lane in range(c.lanes):
                m.d.sync += [half[lane].eq(value[lane][0]), value[lane].eq(value[lane] >> 1)]
        with m.Elif(ready):
            m.d.sync += [adding.eq(0), full.eq(1)]
            for lane in range(c.lanes):
                m.d.sync += value[lane].eq(value[lane] + Mux(f.bias, self.bias[lane], half[lane]))

        # Write: saturated, or the low half and then the high half.
        out = Signal(value_word(c), reset_less=True)
        waiting, upper, ends, wrote = Signal(), Signal(), Signal(), Signal()
        with m.If(full & ~waiting):
            m.d.sync += [
                waiting.eq(1),
                upper.eq(f.bias & ~upper),
                full.eq(f.bias & ~upper),
                ends.eq(upper | ~f.bias),
            ]
            for lane in range(c.lanes):
                halves = Value.cast(value[lane])
                m.d.sync += out[lane].eq(
                    Mux(
                        f.bias,
                        Mux(upper, halves[VALUE.bits :], halves[: VALUE.bits]),
                        _saturated(halves),
                    )
                )
        with m.Elif(wrote):
            m.d.sync += [waiting.eq(0), address.eq(address + 1)]
        m.d.comb += [
            self.u_write.request.eq(waiting),
            self.u_write.address.eq(address),
            self.u_write.data.eq(out),
            self.u_write.mask.eq(~0),
            wrote.eq(waiting & self.u_write.grant),
            self.free.eq(wrote & ends),
            self.trace_dense_valid.eq(wrote),
            self.trace_dense.tag.eq(f.tag),
            self.trace_dense.word.eq(out),
        ]
        m.d.sync += self.done.eq(self.free & last)
        return m


def _saturated(total: Value) -> Value:
    """The low bits of a sum, or VALUE's bound where the bits above are not all its sign."""
    sign, above = total[-1], total[VALUE.bits - 1 :]
    return Mux(above.all() | ~above.any(), total[: VALUE.bits], Mux(sign, VALUE.low, VALUE.high))
