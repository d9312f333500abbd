"""Every value that could saturate is measured, and its count is right where it does saturate."""

from dataclasses import replace

import numpy as np
import pytest

from hw.spec.numerics import PRE, TAP_SUM, VALUE
from sw.capability.intervals import intervals
from sw.golden import run
from sw.golden.clipping import Clipped
from sw.golden.saturation import measure_saturation, with_saturation
from tests.sw.conftest import compiled

BLOCK = "stage1.block0"
CLAMPED_NOWHERE = ("ffn.pooled", "head.pooled")
"""Means of values that fit: golden proves the first, and has no clamp of a class token."""


def test_every_value_that_could_saturate_is_measured(network):
    _, _, quantised, images = network
    packed, trace = quantised.packed, {}
    counts = measure_saturation(packed, images)
    values = {r.name: r for r in intervals(packed) if r.saturates}
    assert any(not r.fits for r in values.values())
    assert counts.keys() <= values.keys(), "golden and the intervals use the same names"
    assert all(values[name].fits for name in values.keys() - counts.keys())
    assert all(name.endswith(CLAMPED_NOWHERE) for name in values.keys() - counts.keys())
    run(packed, images, trace)
    for name, count in counts.items():
        assert count.elements and not (values[name].fits and count.outside), name
        if name in trace:
            assert count.elements == trace[name].numel(), name
    # A layer's v is as large as the y that follows from it.
    layers = {name.removesuffix(": v") for name in counts if name.endswith(": v")}
    assert len(layers) > 8
    assert all(
        counts[f"{layer}: v"].elements == counts[f"{layer}: y"].elements
        for layer in layers
        if f"{layer}: y" in counts
    )


def with_parameter(packed, name, **parameters):
    """The network with parameters of one layer replaced, the same in every channel."""
    layer = packed.layer(name)
    filled = {f: np.full(layer.outputs, value, np.int16) for f, value in parameters.items()}
    changed = replace(layer, parameters=layer.parameters | filled)
    return replace(packed, layers=packed.layers | {name: changed})


@pytest.fixture(scope="module")
def loud():
    """A network driven beyond its formats, pictures, and golden's trace of them."""
    _, _, quantised, images = compiled("pyramid")
    packed = with_parameter(quantised.packed, f"{BLOCK}.key", bias=VALUE.high)
    packed = with_parameter(packed, f"{BLOCK}.output", offset_out=VALUE.high)
    trace = {}
    run(packed, images, trace)
    tensors = {name: tensor.numpy().astype(np.int64) for name, tensor in trace.items()}
    return packed, images, tensors


def exact_v(layer, bits, residual):
    """v before saturation, from the words of hw.spec.numerics."""
    p = {name: layer.full(name).astype(np.int64) for name in ("gain", "residual_gain", "bias")}
    s = (2 * bits - 1) @ layer.signs.astype(np.int64).T
    pre = s * p["gain"] * 2 ** layer.scalars["gain_shift"] + residual * p["residual_gain"]
    return np.floor_divide(pre + 256, 512) + 4 * p["bias"]


def exact_y(layer, v):
    """y before saturation."""
    slope = np.where(v < 0, layer.full("slope_negative"), layer.full("slope_positive"))
    unit = 2 ** (layer.scalars["slope_shift"] + 2)
    return np.floor_divide(v * slope.astype(np.int64) + unit // 2, unit) + layer.full("offset_out")


def clip(exact, form):
    return np.minimum(np.maximum(exact, form.low), form.high)


def clipped(exact, form):
    """Counts elements that the clamp changes."""
    return Clipped(int((clip(exact, form) != exact).sum()), exact.size)


def independent(packed, trace):
    """Counts of values that saturate in `loud`, in numpy from what the trace has before them."""
    output = packed.layer(f"{BLOCK}.output")
    x1, side = trace[f"{BLOCK}.x1"], packed.blocks[BLOCK].side
    v = exact_v(output, trace[f"{BLOCK}.attention.t_bits"], trace[f"{BLOCK}.attention.t"])
    y = exact_y(output, clip(v, PRE))
    grid = x1.reshape(len(x1), side, side, -1)
    padded = np.pad(grid, ((0, 0), (2, 2), (0, 0), (0, 0)))
    taps = sum(padded[:, i : i + side] for i in range(5))
    key = exact_v(
        packed.layer(f"{BLOCK}.key"),
        trace[f"{BLOCK}.attention.k_in_bits"],
        trace[f"{BLOCK}.attention.reduced"],
    )
    return {
        f"{BLOCK}.key: v": clipped(key, PRE),
        f"{BLOCK}.output: v": clipped(v, PRE),
        f"{BLOCK}.output: y": clipped(y, VALUE),
        f"{BLOCK}.x1": clipped(clip(y, VALUE) + trace[f"{BLOCK}.x"], VALUE),
        f"{BLOCK}.branch.h5: taps": clipped(taps, TAP_SUM),
    }


def test_the_rate_is_right_where_values_saturate(loud):
    packed, images, trace = loud
    counts, want = measure_saturation(packed, images), independent(packed, trace)
    assert {name: counts[name] for name in want} == want
    drawn = [f"{BLOCK}.key: v", f"{BLOCK}.output: y", f"{BLOCK}.x1", f"{BLOCK}.branch.h5: taps"]
    assert all(0.05 < want[name].share < 0.95 for name in drawn), "the test says something"


def test_a_packed_network_records_what_was_clipped(loud):
    packed, images, trace = loud
    recorded = with_saturation(packed, images).saturation
    assert all(0 < share <= 1 for share in recorded.values())
    want = independent(packed, trace)
    assert recorded[f"{BLOCK}.key: v"] == want[f"{BLOCK}.key: v"].share
    assert list(recorded) == sorted(recorded)
