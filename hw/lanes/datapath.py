"""The lanes side by side: a word of accumulators in, words of y, out and bits."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import GAIN_BITS, TOTAL_BITS, accumulator_word, value_word
from hw.lanes.beat import PRODUCT, ROUND, Y, beat_layout
from hw.lanes.delay import chain
from hw.lanes.lane import Lane
from hw.lanes.parameters import ParameterSets
from hw.spec.configuration import Configuration
from hw.spec.image import MATRIX
from hw.spec.numerics import GAIN_SHIFTS, PARAMETER, PARAMETER_FIELDS, SUM, VALUE


class Datapath(wiring.Component):
    """``lanes`` times :class:`hw.lanes.lane.Lane`, with the fields of a beat's command in time.

    Pipeline without enable; [k] is the cycle after a beat's admission.  One beat a cycle.  Golden
    partner: the post-processor in :mod:`sw.golden`.

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    accumulator : In(accumulator_word)
        [0] Array results.
    valid : In(1)
        [1] There is a beat.
    beat : In(beat_layout)
        [1] Command fields and parameter set.
    minus_first : In(17 signed)
        [1] Without a beat: minus the sum of every lane.
    raised : In(1)
        [1] Without a beat: the greatest gain shift, else none.
    first_weight : In(17 signed a lane)
        [1] Without a beat: gain of the sum.
    second_weight : In(8 signed a lane)
        [1] Without a beat: gain of the residual, in front of the fraction bits.
    field : In(9)
        Parameter field (one-hot) to write.
    write_set : In(range(SETS))
        Parameter set to write.
    parameter : In(lanes x 16 bits)
        Its word.
    residual : In(value_word)
        [2] Residual operand.
    main : In(value_word)
        [11] Main operand.
    sum : Out(SUM a lane)
        [2] s.
    total : Out(32 signed a lane)
        [6] Both products.
    y : Out(value_word)
        [11] y.
    out : Out(value_word)
        [13] out.
    kept : Out(value_word)
        [13] y where the command pools, else out.
    bits : Out(3 x lanes bits)
        [14] A bit a set and channel.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        layout = beat_layout(c)
        super().__init__(
            {
                "accumulator": In(accumulator_word(c)),
                "valid": In(1),
                "beat": In(layout),
                "minus_first": In(signed(VALUE.bits + 1)),
                "raised": In(1),
                "first_weight": In(data.ArrayLayout(signed(GAIN_BITS), c.lanes)),
                "second_weight": In(data.ArrayLayout(signed(MATRIX.bits), c.lanes)),
                "field": In(len(PARAMETER_FIELDS)),
                "write_set": In(layout["set"].shape),
                "parameter": In(c.lanes * PARAMETER.bits),
                "residual": In(value_word(c)),
                "main": In(value_word(c)),
                "sum": Out(data.ArrayLayout(signed(SUM.bits), c.lanes)),
                "total": Out(data.ArrayLayout(signed(TOTAL_BITS), c.lanes)),
                "y": Out(value_word(c)),
                "out": Out(value_word(c)),
                "kept": Out(value_word(c)),
                "bits": Out(data.ArrayLayout(c.lanes, 3)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        beat = self.beat
        m.submodules.parameters = parameters = ParameterSets(c)
        m.d.comb += [
            parameters.field.eq(self.field),
            parameters.write_set.eq(self.write_set),
            parameters.data.eq(self.parameter),
            parameters.set.eq(beat.set),
            parameters.present.eq(Mux(self.valid, beat.parameter_fields, 0)),
            parameters.constant_residual_gain.eq(beat.residual_gain),
            parameters.constant_slope_positive.eq(beat.slope_positive),
            parameters.lent.eq(~self.valid),
            parameters.first_weight.eq(self.first_weight),
            parameters.second_weight.eq(self.second_weight),
        ]
        # A sum of no beat is the lent first factor: 0 less minus the factor.
        skip, offset = Signal(), Signal(signed(VALUE.bits + 1))
        raised = Mux(self.raised, len(GAIN_SHIFTS) - 1, 0)
        m.d.comb += skip.eq(beat.skip | ~self.valid)
        with m.If(~self.valid):
            m.d.comb += offset.eq(self.minus_first)
        with m.Elif(~beat.skip):
            m.d.comb += offset.eq(beat.offset)
        gain_shift = chain(m, Mux(self.valid, beat.gain_shift, raised), PRODUCT - 1)[-1]
        slope_shift = chain(m, beat.slope_shift, ROUND - 2)[-1]
        zero = chain(m, beat.zero, Y - 2)[-1]
        bits_from_out = chain(m, beat.bits_from_out, Y - 1)[-1]
        pooled = chain(m, beat.pooled, Y - 1)[-1]
        lanes = [Lane() for _ in range(c.lanes)]
        for i, lane in enumerate(lanes):
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.accumulator.eq(self.accumulator[i]),
                lane.skip.eq(skip),
                lane.double.eq(beat.double),
                lane.offset.eq(offset),
                lane.residual.eq(self.residual[i]),
                lane.gain_shift.eq(gain_shift),
                lane.slope_shift.eq(slope_shift),
                lane.zero.eq(zero),
                lane.main.eq(self.main[i]),
                lane.bits_from_out.eq(bits_from_out),
                lane.pooled.eq(pooled),
                *(
                    getattr(lane, name).eq(getattr(parameters, name)[i])
                    for name in ("gain", "residual_gain", "bias", "slope", "offset_out")
                ),
                parameters.negative[i].eq(lane.negative),
                *(lane.threshold[k].eq(getattr(parameters, f"threshold{k}")[i]) for k in range(3)),
                self.sum[i].eq(lane.sum),
                self.total[i].eq(lane.total),
                self.y[i].eq(lane.y),
                self.out[i].eq(lane.out),
                self.kept[i].eq(lane.kept),
            ]
        m.d.comb += [self.bits[k].eq(Cat(lane.bits[k] for lane in lanes)) for k in range(3)]
        return m
