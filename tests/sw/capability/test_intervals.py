"""Intervals hold whatever golden computes; an accumulator that is too narrow is refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hw.spec.image import LOGIT
from hw.spec.numerics import PRE_DROP, PRE_FRACTION
from sw.capability.errors import CapabilityError
from sw.capability.interval import Interval, activation, pre_activation
from sw.capability.intervals import intervals
from sw.compiler.build import write
from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.quantise import quantise
from sw.golden import ops, run
from tests.sw.golden.random_model import CONFIGS, pictures, random_model

POINT = st.integers(-(1 << 15), (1 << 15) - 1)


def packed_model(name):
    config = CONFIGS[name]
    model = random_model(config)
    return quantise(fold(load(model)), pictures(config, 8)).packed


@pytest.fixture(scope="module", params=list(CONFIGS))
def packed(request):
    return packed_model(request.param)


def outside(ranges, trace):
    """Names of traced tensors with a value that is not in its interval."""
    found = {r.name: r for r in ranges}
    return [
        name
        for name, tensor in trace.items()
        if name in found
        and not (
            max(found[name].low, found[name].form.low) <= int(tensor.min())
            and int(tensor.max()) <= min(found[name].high, found[name].form.high)
        )
    ]


def test_golden_lies_within(packed):
    edge = packed.model.image
    noise = torch.randint(0, 256, (6, edge, edge, 3), dtype=torch.uint8)
    noise[0], noise[1] = 0, 255
    trace = {}
    run(packed, noise, trace)
    ranges = intervals(packed)
    compared = {r.name for r in ranges} & trace.keys()
    assert {"stem", "stage1.block0.x1", "stage1.block0.x2", "head.mean", "logits"} <= compared
    assert not outside(ranges, trace)
    # It can fail: every interval shrunk to its middle fifth no longer holds everything.
    narrow = [replace(r, low=r.low // 5, high=r.high // 5) for r in ranges]
    assert outside(narrow, trace)


def test_every_value_of_a_fraction_has_an_interval(packed):
    names = {r.name for r in intervals(packed)}
    inputs = {n for n in packed.fractions if n.endswith(".x")}  # a block's x is the tensor before
    assert set(packed.fractions) - inputs <= names


def test_an_accumulator_that_does_not_fit_is_refused(tmp_path):
    packed = packed_model(next(iter(CONFIGS)))
    classifier = packed.layer("classifier")
    huge = replace(classifier, bias=np.full_like(classifier.bias, LOGIT.high))
    broken = replace(packed, layers=packed.layers | {"classifier": huge})
    path, said = tmp_path / "broken.bvit", r"logits: can reach .* 32 bits hold"
    with pytest.raises(CapabilityError, match=said):
        write(SimpleNamespace(packed=broken), torch.zeros(1, 32, 32, 3, dtype=torch.uint8), path)
    assert not path.exists()
    with pytest.raises(CapabilityError, match=said):
        intervals(broken)


@given(POINT, POINT, POINT, POINT, st.integers(-(1 << 17), (1 << 17) - 1), st.integers(8, 17))
def test_activation_holds_golden_s(a, positive, negative, offset, v, shift):
    ends = np.array([min(a, v)]), np.array([max(a, v)])
    arrays = [np.array([p]) for p in (positive, negative, offset)]
    y = activation(Interval(*ends), *arrays, shift)
    for point in {int(ends[0][0]), v, int(ends[1][0])}:
        slope = positive if point >= 0 else negative
        exact = ((point * slope + (1 << shift + PRE_FRACTION - 1)) >> shift + PRE_FRACTION) + offset
        assert y.low[0] <= exact <= y.high[0]


@given(st.integers(-2048, 2048), POINT, POINT, POINT, POINT, st.sampled_from([0, 3, 6, 9]))
def test_a_single_point_is_golden_s_pre_activation(s, gain, residual, residual_gain, bias, shift):
    as_tensor = [torch.tensor([n], dtype=torch.int32) for n in (s, residual)]
    golden = ops.pre_activation(
        as_tensor[0], torch.tensor([gain]), shift, as_tensor[1], torch.tensor([residual_gain]),
        torch.tensor([bias]),
    )  # fmt: skip
    point = [Interval(np.array([n]), np.array([n])) for n in (s, residual)]
    v = pre_activation(
        point[0], np.array([gain]), shift, point[1], np.array([residual_gain]), np.array([bias])
    )
    exact = (((s * gain) << shift) + residual * residual_gain + (1 << PRE_DROP - 1)) >> PRE_DROP
    assert v.low[0] == v.high[0] == exact + (bias << PRE_FRACTION)
    assert int(golden[0]) == min(max(int(v.low[0]), -(1 << 17)), (1 << 17) - 1)
