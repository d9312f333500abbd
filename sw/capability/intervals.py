"""The interval of every accumulator and value of a packed network, whatever the picture.

Walks the network as golden does, with bounds in place of numbers: a binary layer's sum lies within
its fan-in, an attended sum within the keys, everything else follows from the packed parameters.
An accumulator has no saturation, so it must fit its format; a value that can exceed its format
saturates, and the interval says how far it would go.  How often it does on pictures is measured in
golden, under the same name: :func:`sw.golden.saturation.measure_saturation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw.spec.image import LOGIT, NORMED
from hw.spec.numerics import (
    ACCUMULATOR,
    BRANCHES,
    PARAMETER_FIELDS,
    PRE,
    SUM,
    TAP_SUM,
    VALUE,
    Format,
)
from sw.capability.errors import CapabilityError
from sw.capability.interval import Interval, activation, pre_activation
from sw.compiler.packed import PackedBlock, PackedLayer, PackedNetwork

DENSE_SUM = Format(32, True, "sum of products of an integer layer")
PIXEL = Format(8, True, "pixel less 128")


@dataclass(frozen=True)
class Range:
    """Where one tensor of the network can lie, over all its channels.

    Parameters
    ----------
    name : str
        The tensor's name in the trace, or the layer and what is inside it (``accumulator``,
        ``v``, ...).
    low, high : int
        Bounds before saturation.
    form : Format
        What holds it.
    saturates : bool
        It is clamped where it leaves `form`; else it is proved to fit.
    """

    name: str
    low: int
    high: int
    form: Format
    saturates: bool

    @property
    def bits(self) -> int:
        """Bits that would hold every value."""
        return 1 + max(self.high, -self.low - 1, 0).bit_length()

    @property
    def fits(self) -> bool:
        """Nothing can leave the format."""
        return self.form.low <= self.low and self.high <= self.form.high


def intervals(packed: PackedNetwork) -> list[Range]:
    """Every range of a network, in the order of computation.

    Raises
    ------
    CapabilityError
        For an accumulator that could leave its format.
    """
    return _Walk(packed).run()


class _Walk:
    """One pass over a network; `ranges` grows."""

    def __init__(self, packed: PackedNetwork) -> None:
        self.packed, self.ranges = packed, []

    def run(self) -> list[Range]:
        model = self.packed.model
        x = self._stem()
        for stage, depth in enumerate(model.depths, start=1):
            if stage > 1:
                x = self._embedding(stage, x)
            for block in range(depth):
                x = self._block(self.packed.block(stage, block), x)
        self._head(x)
        return self.ranges

    def exact(self, name: str, interval: Interval, form: Format) -> Interval:
        """An accumulator: must fit."""
        found = Range(name, int(interval.low.min()), int(interval.high.max()), form, False)
        if not found.fits:
            raise CapabilityError(
                f"{name}: can reach {found.low:,}..{found.high:,}, {found.bits} bits; "
                f"{form.bits} bits hold {form.low:,}..{form.high:,} ({form.reason}); "
                "make the layer narrower"
            )
        self.ranges.append(found)
        return interval

    def value(self, name: str, interval: Interval, form: Format = VALUE) -> Interval:
        """A value: saturates."""
        low, high = int(interval.low.min()), int(interval.high.max())
        self.ranges.append(Range(name, low, high, form, True))
        return interval.saturate(form)

    def post(self, layer: PackedLayer, total: Interval | None, residual: Interval, y: str):
        """From sum and residual to y, which has the trace's name `y`."""
        p = {name: layer.full(name).astype(np.int64) for name in PARAMETER_FIELDS}
        v = pre_activation(
            total, p["gain"], layer.scalars.get("gain_shift", 0), residual, p["residual_gain"],
            p["bias"],
        )  # fmt: skip
        v = self.value(f"{layer.name}: v", v, PRE)
        slopes = p["slope_positive"], p["slope_negative"]
        shift = layer.scalars.get("slope_shift", 8)
        return self.value(y, activation(v, *slopes, p["offset_out"], shift))

    def linear(self, name: str, residual: Interval, y: str) -> Interval:
        """A binary layer's y.

        The array counts equal bits of K padded to words, 0 to that, or +-1 products.
        """
        layer = self.packed.layer(name)
        padded = -(-layer.inputs // 64) * 64
        count = Interval(np.zeros(1, np.int64), np.full(1, padded, np.int64))
        self.exact(f"{name}: accumulator", count, ACCUMULATOR)
        total = Interval.symmetric(layer.inputs, layer.outputs)
        return self.post(layer, self.exact(f"{name}: s", total, SUM), residual, y)

    def integer(self, layer: PackedLayer, operand: Format, y: str) -> Interval:
        """An integer layer's y: its sum of products, rounded, is the residual."""
        total = _products(layer, Interval.symmetric(-operand.low, layer.matrix.shape[1]))
        total = self.exact(f"{layer.name}: accumulator", total, DENSE_SUM)
        s = self.value(f"{layer.name}: s", total.drop(layer.scalars.get("sum_shift", 0)))
        return self.post(layer, None, s, y)

    def _positioned(self, name: str, layer: PackedLayer, y: Interval) -> Interval:
        low, high = layer.position.min(0).astype(np.int64), layer.position.max(0).astype(np.int64)
        return self.value(name, y + Interval(low, high))

    def _stem(self) -> Interval:
        layer = self.packed.layer("stem")
        y = self.integer(layer, PIXEL, "stem: y")
        if self.packed.model.class_token:
            y = y.hull(Interval.symmetric(0, layer.outputs))
        return self._positioned("stem", layer, y)

    def _embedding(self, stage: int, x: Interval) -> Interval:
        name = f"stage{stage}.embedding"
        layer = self.packed.layer(name)
        if self.packed.model.embedding == "real":
            n = self.post(self.packed.layer(f"{name}.norm"), None, x, f"{name}.norm: y")
            self.value(f"{name}.n", n, NORMED)
            y = self.integer(layer, NORMED, f"{name}: y")
        else:
            mean = self.value(f"{name}.pooled_mean", (x * 4).drop(2))
            y = self.linear(name, mean.tile(layer.outputs // len(mean.low)), f"{name}: y")
        return self._positioned(name, layer, y)

    def _block(self, config: PackedBlock, x: Interval) -> Interval:
        name = config.name
        t = self._attention(config, x)
        x1 = self.value(f"{name}.x1", self.linear(f"{name}.output", t, f"{name}.output: y") + x)
        f = self.linear(f"{name}.hidden", x1.tile(config.pool), f"{name}.ffn.hidden")
        pooled = self.value(
            f"{name}.ffn.pooled", f.pool(config.pool).drop((config.pool - 1).bit_length())
        )
        y = self.linear(f"{name}.ffn", pooled, f"{name}.ffn.y")
        main = self._branches(config, x1) if self.packed.model.pooled_branches else x1
        return self.value(f"{name}.x2", y + main)

    def _attention(self, config: PackedBlock, x: Interval) -> Interval:
        name, r = config.name, config.reduction
        source = x
        if r > 1:
            mean = (x * r**2).drop(config.grid_shift)
            mean = self.value(f"{name}.attention.pooled_mean", mean)
            source = self.linear(f"{name}.reduction", mean, f"{name}.attention.reduced")
        k = self.linear(f"{name}.key", source, f"{name}.attention.k")
        v = self.linear(f"{name}.value", source, f"{name}.attention.v")
        q = self.linear(f"{name}.query", x, f"{name}.attention.q")
        kv = self.value(f"{name}.attention.kv", v + k)
        u = self.value(f"{name}.attention.u", q + kv)
        attended = Interval.symmetric(config.keys, config.channels)
        self.exact(f"{name}.context: accumulator", attended, ACCUMULATOR)
        attended = self.exact(f"{name}.context: s", attended, SUM)
        layer = self.packed.layer(f"{name}.context")
        return self.post(layer, attended, u, f"{name}.attention.t")

    def _branches(self, config: PackedBlock, x1: Interval) -> Interval:
        packed = self.packed.branch(config.name)
        total = x1
        for branch in BRANCHES:
            taps = int(branch[1])
            gain, constant, loss = (
                packed.parameters[f"{part}_{branch}"].astype(np.int64)
                for part in ("gain", "constant", "loss")
            )
            reach, last = taps // 2, config.side - 1
            outside = {max(reach - i, 0) + max(i + reach - last, 0) for i in range(config.side)}
            name = f"{config.name}.branch.{branch}"
            s = self.value(f"{name}: taps", x1 * (taps - min(outside)), TAP_SUM)
            reached = (s * gain).drop(packed.slope_shift) + (constant - min(outside) * loss)
            for missing in outside:
                s = (x1 * (taps - missing)).saturate(TAP_SUM)
                scaled = (s * gain).drop(packed.slope_shift) + (constant - missing * loss)
                reached = reached.hull(scaled)
            total += self.value(name, reached)
        return self.value(f"{config.name}.branch.sum", total)

    def _head(self, x: Interval) -> None:
        model = self.packed.model
        pooled = x
        if not model.class_token:
            count = model.tokens(model.stages)
            pooled = (x * count).drop(int(self.packed.scalars["head_shift"]))
        pooled = self.value("head.pooled", pooled)
        y = self.post(self.packed.layer("head"), None, pooled, "head.mean")
        classifier = self.packed.layer("classifier")
        logits = _products(classifier, y) + classifier.bias.astype(np.int64)
        self.exact("logits", logits, LOGIT)


def _products(layer: PackedLayer, operand: Interval) -> Interval:
    """Sums of the layer's weights times an operand of its own interval in every input channel."""
    weight = layer.matrix.astype(np.int64)
    up, down = weight.clip(min=0), weight.clip(max=0)
    return Interval(up @ operand.low + down @ operand.high, up @ operand.high + down @ operand.low)
