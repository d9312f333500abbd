"""Channel pooling: means of adjacent channels of one token."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import value_word
from hw.lanes.delay import chain
from hw.spec.configuration import Configuration
from hw.spec.numerics import VALUE

POOL_LEVELS = 3
"""Largest `pool`: means of up to 8 channels (the network of the paper needs 8 and 4)."""


class ChannelPool(wiring.Component):
    """``word[j] = mean(y[i*m : (i+1)*m]), i = j mod (lanes/m), m = 2**pool``; `kept` for pool 0.

    The mean is rounded half up; the ``lanes/m`` means repeat, so that a lane mask puts them at any
    part of a word.  A pipeline without enable: a member marked [k] belongs to a beat k cycles
    after its admission.  One beat a cycle, latency 5 from `y`.  Golden partner: channel pooling in
    :mod:`sw.golden`.  Validated for pool 0..3 over the range of VALUE.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    y : In(value_word)
        [11] Values to average.
    kept : In(value_word)
        [13] Values that pass where pool is 0.
    pool : In(3)
        [15] log2 of the channels averaged, at most POOL_LEVELS; 0 also where nothing is pooled.
    word : Out(value_word)
        [16] Word to store.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "y": In(value_word(c)),
                "kept": In(value_word(c)),
                "pool": In(3),
                "word": Out(value_word(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        lanes = self._configuration.lanes
        # 1 in every first sum is 2**(level - 1) in a sum of that level: the half of its rounding.
        choices = [chain(m, self.kept, POOL_LEVELS - 1)[-1]]
        sums = list(self.y)
        for level in range(1, POOL_LEVELS + 1):
            pairs = [
                Signal(signed(VALUE.bits + level), name=f"sum{level}_{i}", reset_less=True)
                for i in range(lanes >> level)
            ]
            for i, pair in enumerate(pairs):
                one, other = sums[2 * i], sums[2 * i + 1]
                if level == 1:
                    half = Const(1, 1)
                    total = (Cat(half, one).as_signed() + Cat(half, other).as_signed()) >> 1
                else:
                    total = one + other
                m.d.sync += pair.eq(total)
            means = [pair[level:] for pair in pairs]
            choices.append([chain(m, mean, POOL_LEVELS + 1 - level)[-1] for mean in means])
            sums = pairs
        with m.Switch(self.pool):
            for level, values in enumerate(choices):
                with m.Case(level):
                    for j in range(lanes):
                        m.d.sync += self.word[j].eq(values[j % (lanes >> level)])
        return m
