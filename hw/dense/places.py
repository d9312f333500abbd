"""Where a DENSE command reads parameter words and writes results."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.dense.layouts import COMMAND
from hw.spec.configuration import Configuration


class Places(wiring.Component):
    """Addresses of the current step, without a multiplier: every loop keeps where its round began.

    The words of a group are read once a token: its bias, where the command has one, and its
    weights.

    Latency 1 cycle from what moves them to the addresses.  No back-pressure.  Tokens must end at
    least 2 cycles apart.  Golden partner: DENSE of ``hw.spec.commands``.  Validated within
    :class:`hw.dense.unit.Dense`.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes (unused: addresses have the widths of the command's fields).

    Members
    -------
    command : In(COMMAND)
        The command, stable until its last step.
    start : In(1)
        Before the command's first step.
    read : In(1)
        A parameter word is read.
    token_end : In(1)
        The last step of the token, or of two.
    two : In(1)
        Tokens go by pairs.
    parameter : Out(12)
        Next parameter word.
    target : Out(13)
        u word of the token's result; a pair's second lies `destination_token` further.
    alone : Out(1)
        The token is a group's last one: of a pair it is the only one.
    last : Out(1)
        The token, or pair, is the command's last one.
    """

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(
            {
                "command": In(COMMAND),
                "start": In(1),
                "read": In(1),
                "token_end": In(1),
                "two": In(1),
                "parameter": Out(12),
                "target": Out(13),
                "alone": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        f, place, target = self.command, self.parameter, self.target
        token, group = Signal.like(f.tokens), Signal.like(f.groups)
        first, next_first = (Signal.like(place, name=n) for n in ("first", "next_first"))
        at_group, next_group = (Signal.like(target, name=n) for n in ("at_group", "next_group"))
        last_token, last_group = Signal(), Signal()
        m.d.sync += [
            self.alone.eq(token + 1 == f.tokens),
            last_token.eq((token + 1 == f.tokens) | (self.two & (token + 2 == f.tokens))),
            last_group.eq(group + 1 == f.groups),
        ]
        m.d.comb += [
            next_first.eq(first + f.parameter_group),
            next_group.eq(at_group + 1 + f.bias),
            self.last.eq(last_token & last_group),
        ]
        with m.If(self.read):
            m.d.sync += place.eq(place + 1)
        with m.If(self.token_end):
            m.d.sync += [
                token.eq(token + 1 + self.two),
                place.eq(first),
                target.eq(target + (f.destination_token << self.two)),
            ]
            with m.If(last_token):
                m.d.sync += [
                    token.eq(0),
                    group.eq(group + 1),
                    place.eq(next_first),
                    first.eq(next_first),
                    target.eq(next_group),
                    at_group.eq(next_group),
                ]
        with m.If(self.start):
            m.d.sync += [
                token.eq(0),
                group.eq(0),
                *(at.eq(f.parameter_base) for at in (place, first)),
                *(at.eq(f.destination_base) for at in (target, at_group)),
            ]
        return m
