"""Channels scaled to use their bits: the same function, no parameter word more."""

import torch

from sw.compiler.calibrate import calibrate, run_folded
from sw.compiler.equalise import KEPT, equalise
from sw.compiler.quantise import quantise
from sw.compiler.scales import wanted_channels


def equalised(folded, images):
    return equalise(folded, calibrate(folded, images))


def test_the_function_stays_the_same(network):
    _, folded, _, images = network
    scaled, exponents = equalised(folded, images)
    assert any(e.any() for e in exponents.values())
    want = run_folded(folded, images, kind=torch.float64)
    assert torch.allclose(
        run_folded(scaled, images, kind=torch.float64), want, rtol=1e-12, atol=1e-12
    )


def test_channels_come_within_a_factor_of_two_and_none_grows_beyond_the_tensor(network):
    """Of groups whose exponents are free; the shared ones only must not outgrow the tensor."""
    _, folded, _, images = network
    scaled, exponents = equalised(folded, images)
    before, after = (wanted_channels(n, calibrate(n, images)) for n in (folded, scaled))
    assert before.keys() == after.keys() == exponents.keys()
    for group in after:
        assert after[group].max() <= before[group].max() * (1 + 1e-6), group
        if group.endswith(KEPT):
            assert not exponents[group].any()
        elif group.endswith(".x"):
            free = exponents[group] < 7
            assert (2 * after[group][free] > 0.999 * after[group].max()).all(), group


def test_what_is_constant_for_a_command_stays_so(network):
    """Else every such layer would load one more parameter word a group."""
    _, folded, quantised, images = network
    packed = quantise(equalised(folded, images)[0], images).packed
    for name, layer in quantised.packed.layers.items():
        if not packed.model.layer_scale and name.rsplit(".", 1)[-1] in ("output", "ffn"):
            continue  # its residual and its result differ in scale, and both slopes were constant
        assert packed.layer(name).constants.keys() >= layer.constants.keys(), name
