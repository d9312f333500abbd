"""Narrower value tensors, emulated: scales and saturation of that width, nothing else changed."""

import pytest
import torch

from hw.spec.numerics import VALUE, Format
from sw.compiler.calibrate import run_folded
from sw.compiler.quantise import quantise
from sw.golden import run
from tests.sw.golden.random_model import CONFIGS, pictures


def narrow(bits):
    return Format(bits, True, "test")


@pytest.mark.parametrize("bits", [12, 8])
def test_every_value_lies_in_its_width_and_uses_it(network, bits, monkeypatch):
    """Scales for half of what values reach drive every kind of value to the ends."""
    _, folded, _, images = network
    monkeypatch.setattr("sw.compiler.scales.HEADROOM", 0.4)
    packed = quantise(folded, images, value=narrow(bits)).packed
    trace = {}
    run(packed, images, trace, value=narrow(bits))
    values = {name: trace[name] for name in packed.fractions if name in trace}
    assert len(values) > 20
    for name, tensor in values.items():
        low, high = (int(v) for v in torch.aminmax(tensor))
        assert narrow(bits).low <= low <= high <= narrow(bits).high, name
    ends = {name for name, tensor in values.items() if int(tensor.max()) == narrow(bits).high}
    assert len({name.split(".")[-1] for name in ends}) >= 3


def test_the_hardwares_width_is_the_default(network):
    _, folded, _, images = network
    plain, again = quantise(folded, images), quantise(folded, images, value=VALUE)
    assert torch.equal(run(plain.packed, images), run(again.packed, images, value=VALUE))
    assert plain.groups == again.groups


def test_fewer_bits_come_less_close(pyramid):
    _, folded, _, images = pyramid
    images = pictures(CONFIGS["pyramid"], 32, 5)
    want, errors = run_folded(folded, images, kind=torch.float64), []
    for bits in (16, 10, 6):
        packed = quantise(folded, images, value=narrow(bits)).packed
        got = run(packed, images, value=narrow(bits)) * packed.scalars["logit_scale"]
        errors.append(float((got - want).abs().mean()))
    assert errors[0] < errors[1] < errors[2]
