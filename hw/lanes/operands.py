"""Reads a beat's residual and main operand from x and u memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import u_read, value_word, x_read
from hw.lanes.beat import SUM_OUT, beat_layout
from hw.lanes.delay import Delay
from hw.spec.commands import Source
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE


class Operands(wiring.Component):
    """Residual and main words of a beat, 0 where there is none.

    The residual of inner group 0 is read and kept in a LUT RAM of a word a token slot, from which
    the other inner groups take it.  Memory is requested only for words that a beat needs.  One
    beat a cycle; no back-pressure but `granted`.  Golden partner: none.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    beat : In(beat_layout)
        [0] Present beat.
    residual_word : In(13)
        [0] Its residual's address.
    main_word : In(13)
        [0] Its main operand's address.
    granted : Out(1)
        [0] Memories that the beat needs are free.
    admit : In(1)
        [0] It is admitted.
    x : Out(x_read)
        X memory.
    u : Out(u_read)
        U memory.
    second : In(VALUE)
        [1] The residual of every lane where there is no beat.
    residual : Out(value_word)
        [2] Residual operand.
    main : Out(value_word)
        [11] Main operand.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "beat": In(beat_layout(c)),
                "residual_word": In(13),
                "main_word": In(13),
                "granted": Out(1),
                "admit": In(1),
                "x": Out(x_read(c)),
                "u": Out(u_read(c)),
                "second": In(signed(VALUE.bits)),
                "residual": Out(value_word(c)),
                "main": Out(value_word(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        free = []
        for port, source in ((self.x, Source.X), (self.u, Source.U)):
            for_residual = self.beat.residual == source
            needed = (for_residual & self.beat.first) | (self.beat.main == source)
            free.append(port.grant | ~needed)
            m.d.comb += [
                port.address.eq(Mux(for_residual, self.residual_word, self.main_word)),
                port.request.eq(self.admit & needed),
            ]
        m.d.comb += self.granted.eq(free[0] & free[1])

        # [1] the words come.
        from_x, from_u, from_cache, keeps, valid = (
            Signal(name=name) for name in ("from_x", "from_u", "from_cache", "keeps", "valid")
        )
        main, slot = Signal(2, reset_less=True), Signal.like(self.beat.slot, reset_less=True)
        reads = self.admit & self.beat.first
        m.d.sync += [
            valid.eq(self.admit),
            keeps.eq(reads),
            from_x.eq(reads & (self.beat.residual == Source.X)),
            from_u.eq(reads & (self.beat.residual == Source.U)),
            from_cache.eq(self.admit & ~self.beat.first & (self.beat.residual != Source.NONE)),
            main.eq(self.beat.main),
            slot.eq(self.beat.slot),
        ]
        m.submodules.cache = cache = memory.Memory(shape=len(self.x.data), depth=16, init=[])
        keep, kept = cache.write_port(), cache.read_port(domain="comb")
        # At most one of the sources is not 0: an OR chooses.
        lanes, bits = len(self.residual), len(self.x.data)
        word = (self.x.data & from_x.replicate(bits)) | (self.u.data & from_u.replicate(bits))
        lent = Mux(valid, 0, self.second)[: VALUE.bits]
        m.d.comb += [
            keep.addr.eq(slot),
            keep.data.eq(word),
            keep.en.eq(keeps),
            kept.addr.eq(slot),
        ]
        held = Signal(len(word), reset_less=True)
        m.d.sync += held.eq(word | (kept.data & from_cache.replicate(bits)) | lent.replicate(lanes))
        m.submodules.delay = delay = Delay(len(word), SUM_OUT - 2)
        with m.Switch(main):
            with m.Case(Source.X):
                m.d.comb += delay.input.eq(self.x.data)
            with m.Case(Source.U):
                m.d.comb += delay.input.eq(self.u.data)
        m.d.comb += [self.residual.as_value().eq(held), self.main.as_value().eq(delay.output)]
        return m
