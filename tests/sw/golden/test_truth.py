"""Golden's own truth: the float model with golden's bits forced gives golden's values.

Each block starts from golden's x, so its errors are its own; the whole network's logits follow.
"""

from __future__ import annotations

import math

import pytest
import torch

from hw.spec.numerics import BRANCHES, VALUE
from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.packed import block_name
from sw.compiler.quantise import quantise
from sw.golden import network as golden
from sw.golden import ops, run
from sw.model import ModelConfig
from sw.model.probe import Probe
from tests.sw.conftest import compiled
from tests.sw.golden.random_model import normalised, pictures, random_model
from tests.sw.golden.tolerance import branch_error, largest, post_error, signs_sum


def forced(trace, quantised):
    """The hook: golden's bit, its inversion undone, as the float model's sign or 0/1."""

    def binarise(name, x, threshold):
        if name.endswith("probability_bits"):
            return trace[name].to(x.dtype)
        mask = quantised.inverted.get(name)
        bits = trace[name] if mask is None else trace[name] ^ torch.from_numpy(mask)
        return torch.where(bits, 1.0, -1.0)

    return binarise


def pooled_share(m):
    """Golden's pooled channels over the float model's: m / 2**ceil(log2 m)."""
    return m / 2 ** math.ceil(math.log2(m))


def block_errors(packed, name, trace):
    """Tolerance by tensor and channel, in units of the last place (see tolerance.py)."""
    config = packed.blocks[name]

    def t(tensor):
        return trace[f"{name}.{tensor}"]

    def layer(part):
        return packed.layer(f"{name}.{part}")

    def linear(part, bits, residual, error=0.0):
        return post_error(layer(part), signs_sum(t(bits), layer(part)), residual, error)

    errors = {}
    if config.reduction == 1:
        source, e_source = t("x"), 0.0
    else:
        source = t("attention.reduced")
        e_source = errors["attention.reduced"] = linear(
            "reduction", "attention.reduction_bits", t("attention.pooled_mean"), 0.5
        )
    for part, letter in (("key", "k"), ("value", "v")):
        errors[f"attention.{letter}"] = linear(
            part, f"attention.{letter}_in_bits", source, e_source
        )
    errors["attention.q"] = linear("query", "attention.q_in_bits", t("x"))
    e_u = sum(errors[f"attention.{letter}"] for letter in "qkv")
    errors["attention.t"] = e_t = post_error(
        layer("context"), t("attention.context"), t("attention.u"), e_u
    )
    errors["x1"] = e_x1 = linear("output", "attention.t_bits", t("attention.t"), e_t)
    times = config.hidden // config.channels
    errors["ffn.hidden"] = e_f = linear(
        "hidden", "ffn.n2_bits", t("x1").repeat(1, 1, times), e_x1.repeat(times)
    )
    errors["ffn.pooled"] = e_pf = pooled_share(times) * e_f.view(-1, times).mean(1) + 0.5
    errors["ffn.y"] = linear("ffn", "ffn.hidden_bits", t("ffn.pooled"), e_pf)
    errors["x2"] = e_x1 + errors["ffn.y"]
    if packed.model.pooled_branches:
        branch = packed.branch(name)
        for b in BRANCHES:
            gain = torch.from_numpy(branch.parameters[f"gain_{b}"])
            errors[f"branch.{b}"] = branch_error(gain, int(b[1]), branch.slope_shift, t("x1"), e_x1)
            errors["x2"] = errors["x2"] + errors[f"branch.{b}"]
    return errors


def test_every_block_matches_the_float_model(network):
    model, _, quantised, images = network
    check_blocks(model, quantised, images)


@pytest.mark.parametrize("m", [5, 6, 64])
def test_blocks_of_any_hidden_width_match_the_float_model(m):
    config = ModelConfig(
        image=16, patch=4, channels=(32,), depths=(1,), reduction=(1,), heads=(1,), hidden=(32 * m,)
    )
    model, images = random_model(config), pictures(config, 16, 1)
    quantised = quantise(fold(load(model)), images)
    ffn = quantised.packed.layer("stage1.block0.ffn")
    assert "residual_gain" in ffn.constants and ffn.inputs == 32 * m
    check_blocks(model, quantised, images[:4])


def check_blocks(model, quantised, images):
    """Every tensor of every block within its tolerance of the float model's."""
    packed, trace = quantised.packed, {}
    run(packed, images, trace)
    for number, (stage, block) in enumerate(packed.model.blocks()):
        name = block_name(stage, block)
        reference = {}
        x = trace[f"{name}.x"].double() * 2.0 ** -packed.fractions[f"{name}.x"]
        probe = Probe(reference, forced(trace, quantised), f"{name}.")
        with torch.no_grad():
            model.vit.encoder.layer[number](x, probe)
        errors = block_errors(packed, name, trace)
        assert len(errors) >= 9
        for tensor, allowed in errors.items():
            got, want = trace[f"{name}.{tensor}"], reference[f"{name}.{tensor}"]
            assert ops_unsaturated(got), f"{name}.{tensor} saturates: the test says nothing"
            scaled = want * 2.0 ** packed.fractions[f"{name}.{tensor}"]
            if tensor == "ffn.pooled":
                scaled *= pooled_share(packed.blocks[name].pool)
            excess = ((got - scaled).abs() - allowed).max()
            assert excess <= 0, f"{name}.{tensor}: {excess:.2f} units beyond the tolerance"
            cosine = torch.nn.functional.cosine_similarity(
                got.double().flatten(), want.flatten(), 0
            )
            assert cosine >= 0.999, f"{name}.{tensor}: cosine {cosine:.5f}"
        for tensor in ("attention.scores", "attention.context"):
            assert (trace[f"{name}.{tensor}"] == reference[f"{name}.{tensor}"]).all(), tensor


def matrix_error(layer, operand, operand_error):
    """Error of a real layer's s by channel: each weight off by half a count, each operand by its
    error, and the rounding; operand is golden's (..., fan-in).
    """
    weight = torch.from_numpy(layer.matrix).double().abs()
    reach, error = largest(operand), operand_error * torch.ones(layer.inputs, dtype=torch.float64)
    total = (reach / 2).sum() + weight @ error + error.sum() / 2
    return total * 2.0 ** -layer.scalars["sum_shift"] + 0.5


def check_real_layer(packed, name, s_error, s, got, want):
    """A real layer's out within its tolerance, and close as a whole."""
    layer = packed.layer(name)
    assert ops_unsaturated(s) and ops_unsaturated(got), f"{name} saturates"
    scaled = want * 2.0 ** packed.fractions[name]
    excess = ((got - scaled).abs() - post_error(layer, None, s, s_error) - 0.5).max()
    assert excess <= 0, f"{name}: {excess:.2f} units beyond the tolerance"
    cosine = torch.nn.functional.cosine_similarity(got.double().flatten(), scaled.flatten(), 0)
    assert cosine >= 0.999, f"{name}: cosine {cosine:.5f}"


def test_the_stem_matches_the_float_model(network):
    model, _, quantised, images = network
    packed, reference = quantised.packed, {}
    with torch.no_grad():
        model(normalised(images), reference)
    got, layer = golden.stem(packed, images), packed.layer("stem")
    pixels = golden.patches(images.to(torch.int32) - 128, packed.model.patch)
    s = ops.integer_sum(pixels, torch.from_numpy(layer.matrix), layer.scalars["sum_shift"])
    check_real_layer(packed, "stem", matrix_error(layer, pixels, 0), s, got, reference["stem"])


def test_real_embeddings_match_the_float_model():
    model, _, quantised, images = compiled("real")
    packed, trace, name = quantised.packed, {}, "stage2.embedding"
    run(packed, images, trace)
    x, n = trace["stage1.block0.x2"], trace[f"{name}.n"]
    side, layer = packed.model.side(1), packed.layer(name)
    with torch.no_grad():
        unit = 2.0 ** -packed.fractions["stage1.block0.x2"]
        want = model.vit.encoder.patch_embed1(x.double() * unit)
    operand = golden.patches(n.view(len(n), side, side, -1), 2)
    n_error = post_error(packed.layer(f"{name}.norm"), None, x).repeat(4)
    s = ops.integer_sum(operand, torch.from_numpy(layer.matrix), layer.scalars["sum_shift"])
    s_error = matrix_error(layer, operand, n_error)
    check_real_layer(packed, name, s_error, s, trace[name], want)


def ops_unsaturated(tensor):
    return int(tensor.abs().max()) < VALUE.high


def test_bits_are_the_models_decision_on_the_values(network):
    """Where golden stores a bit, it is the model's decision on golden's own (real) value."""
    _, folded, quantised, images = network
    trace = {}
    run(quantised.packed, images, trace)
    values = {
        "attention.q_bits": "attention.q",
        "attention.k_bits": "attention.k",
        "attention.v_bits": "attention.v",
        "attention.t_bits": "attention.t",
        "ffn.n2_bits": "x1",
        "ffn.hidden_bits": "ffn.hidden",
        "attention.q_in_bits": "x",
        "attention.reduction_bits": "attention.pooled_mean",
    }
    seen = 0
    for layer in folded.layers.values():
        for t in layer.thresholds:
            block, _, tensor = t.bits.partition(
                ".attention." if ".attention." in t.bits else ".ffn."
            )
            tensor = t.bits[len(block) + 1 :]
            if tensor not in values:
                continue
            name = f"{block}.{values[tensor]}"
            real = trace[name].double() * 2.0 ** -quantised.packed.fractions[name]
            model_bit = t.scale * real + t.shift >= 0
            stored = model_bit ^ torch.from_numpy(quantised.inverted[t.bits])
            assert (trace[t.bits] == stored).all(), t.bits
            seen += 1
    assert seen >= 6 * len(quantised.packed.blocks)


def test_attention_bits_are_the_models_on_the_same_scores(network):
    """The integer exponential decides like softmax, but for ties within its rounding."""
    _, folded, quantised, images = network
    trace = {}
    run(quantised.packed, images, trace)
    for name, clip in folded.clips.items():
        scores = trace[f"{name}.attention.scores"].double()
        p = (scores / quantised.packed.blocks[name].head_width ** 0.5).softmax(-1)
        bits = trace[f"{name}.attention.probability_bits"]
        certain = ((p / (clip / 2)) - 1).abs() > 0.02
        assert (bits == (p > clip / 2))[certain].all(), name
        assert 0.02 < bits.double().mean() < 0.98, f"{name}: degenerate attention"


@pytest.mark.parametrize("cosine", [0.999])
def test_logits_follow_when_all_bits_are_forced(network, cosine):
    model, _, quantised, images = network
    trace, reference = {}, {}
    logits = run(quantised.packed, images, trace)
    with torch.no_grad():
        want = model(normalised(images), reference, forced(trace, quantised))
    got = logits * quantised.packed.scalars["logit_scale"]
    assert torch.nn.functional.cosine_similarity(got, want, 1).min() >= cosine
    assert (got - want).abs().max() <= 0.05 * want.abs().max()
