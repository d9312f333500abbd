"""The model against formulas written anew, its names, its trace and forced bits."""

import pytest
import torch

from sw.data import normalise, random_pictures
from sw.model import BINARY_DEIT_S, BINARYVIT, BinaryViT, ConfigError, random_binaryvit
from tests.sw.model.configs import CONFIGS, DEIT, TINY
from tests.sw.model.naive import NaiveBlock


def pictures(config, count=2):
    return normalise(torch.from_numpy(random_pictures(3, count, config.image)))


@pytest.fixture(scope="module")
def tiny():
    return random_binaryvit(1, config=TINY)[0].double()


@pytest.mark.parametrize(("stage", "block", "layer"), [(1, 0, 0), (2, 0, 1), (2, 1, 2)])
def test_block_equals_the_formulas(tiny, stage, block, layer):
    trace = {}
    with torch.no_grad():
        tiny(pictures(TINY, 1).double(), trace=trace)
    state = {name: value.numpy() for name, value in tiny.state_dict().items()}
    i = stage - 1
    naive = NaiveBlock(state, layer, TINY.grid(i), TINY.reduction[i], TINY.heads[i])
    name = f"stage{stage}.block{block}."
    got, want = trace[name + "x2"][0], naive(trace[name + "x"][0].numpy())
    torch.testing.assert_close(got, torch.from_numpy(want), rtol=1e-5, atol=1e-8)


def test_patch_embedding_equals_the_formula(tiny):
    trace = {}
    with torch.no_grad():
        tiny(pictures(TINY, 1).double(), trace=trace)
    x, part = trace["stage1.block0.x2"][0], tiny.vit.encoder.patch_embed1
    n, c, grid = part.norm0(x[None])[0], TINY.channels[1], TINY.grid(0)
    bits = torch.where(n + part.move.view(-1) >= 0, 1.0, -1.0)
    w = part.proj.weight
    out = torch.zeros(grid * grid // 4, c, dtype=torch.float64)
    for token in range(len(out)):
        row, column = 2 * (token // (grid // 2)), 2 * (token % (grid // 2))
        for o in range(c):
            for i in range(2):
                for j in range(2):
                    here = (row + i) * grid + column + j
                    out[token, o] += (bits[here] * torch.where(w[o, :, i, j] >= 0, 1.0, -1.0)).sum()
            out[token, o] *= w[o].abs().mean()
    windows = [
        [(r + i) * grid + s + j for i in (0, 1) for j in (0, 1)]
        for r in range(0, grid, 2)
        for s in range(0, grid, 2)
    ]
    pooled = torch.stack([n[window].mean(0) for window in windows])
    want = part.rprelu(part.norm(out[None]) + torch.cat([pooled, pooled], 1))
    want = want + part.position_embeddings
    torch.testing.assert_close(trace["stage2.embedding"], want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", CONFIGS)
def test_trace_has_every_tensor(name):
    config = CONFIGS[name]
    model, trace = BinaryViT(config).eval(), {}
    with torch.no_grad():
        logits = model(pictures(config), trace=trace)
        assert torch.equal(logits, model(pictures(config), trace={}))
        assert torch.equal(logits, model(pictures(config)))  # without a trace
    torch.testing.assert_close(logits, model(pictures(config)).detach())  # as in training
    assert trace["logits"] is logits
    names = ["x", "n1", "attention.q_in_bits", "attention.k_in_bits", "attention.v_in_bits"]
    names += [f"attention.{n}" for n in ["q", "k", "v", "q_bits", "k_bits", "v_bits", "scores"]]
    names += [f"attention.{n}" for n in ["probability_bits", "context", "t", "t_bits"]]
    names += ["x1", "n2", "ffn.n2_bits", "ffn.hidden", "ffn.hidden_bits", "ffn.pooled", "ffn.y"]
    names += [f"branch.{n}" for n in ["h3", "w3", "h5", "w5"] if config.pooled_branches] + ["x2"]
    expected = {"stem", "head.norm", "head.mean", "logits"}
    for stage, depth in enumerate(config.depths):
        if stage:
            expected |= {f"stage{stage + 1}.embedding"}
            if config.embedding == "binary":
                expected |= {f"stage{stage + 1}.embedding.bits"}
        reduced = ["attention.pooled", "attention.reduction_bits", "attention.reduced"]
        for block in range(depth):
            here = f"stage{stage + 1}.block{block}."
            expected |= {here + n for n in names + reduced * (config.reduction[stage] > 1)}
    assert expected <= set(trace)
    extra = {n.rsplit(".", 1)[-1] for n in set(trace) - expected}
    assert extra <= {"n", "probability"}


def test_integers_are_integers(tiny):
    trace = {}
    with torch.no_grad():
        tiny(pictures(TINY).double(), trace=trace)
    for name, value in trace.items():
        if name.endswith("probability_bits"):
            assert set(value.unique().tolist()) <= {0, 1}
        elif name.endswith("bits"):
            assert set(value.unique().tolist()) == {-1, 1}
        elif name.endswith(("scores", "context")):
            assert torch.equal(value, value.round())


def test_forced_bits_replace_the_models_own(tiny):
    x, trace, calls = pictures(TINY).double(), {}, []
    with torch.no_grad():
        tiny(x, trace=trace)

    def replay(name, value, threshold):
        calls.append(name)
        own = value > threshold if name.endswith("probability_bits") else value + threshold >= 0
        assert torch.equal(own, trace[name] > 0)
        return None

    def opposite(name, value, threshold):
        return -trace[name] if name == "stage2.block1.ffn.hidden_bits" else None

    with torch.no_grad():
        same = tiny(x, binarise=replay)
        other = tiny(x, binarise=opposite)
    assert torch.equal(same, trace["logits"])
    assert not torch.allclose(other, trace["logits"])
    assert len(calls) == sum(name.endswith("bits") for name in trace)


def test_until_stops_behind_a_block(tiny):
    x, trace = pictures(TINY).double(), {}
    with torch.no_grad():
        tiny(x, trace=trace)
        assert torch.equal(tiny(x, until=(2, 0)), trace["stage2.block0.x2"])


def test_names_are_the_authors():
    names = set(BinaryViT(TINY).state_dict())
    layer = "vit.encoder.layer.0."
    attention = layer + "attention.attention."
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    expected = {"vit.embeddings.position_embeddings", "classifier.weight", "classifier.bias"}
    expected |= {f"vit.embeddings.patch_embeddings.projection.{n}" for n in ("weight", "bias")}
    expected |= {f"vit.embeddings.norm.{n}" for n in norm} | {f"vit.layernorm.{n}" for n in norm}
    moves = ["moveq", "movek", "movev", "mover", "moveq2", "movek2", "movev2", "att_prob_clip"]
    expected |= {attention + n for n in moves}
    expected |= {f"{attention}{n}.weight" for n in ("query", "key", "value", "reduction")}
    rprelu = ["move1", "prelu.weight", "move2"]
    for n in ["normq", "normk", "normv", "norm_r", "norm_context"]:
        expected |= {f"{attention}{n}.{end}" for end in norm}
    for n in ["rpreluq", "rpreluk", "rpreluv", "rprelur", "rprelu_context"]:
        expected |= {f"{attention}{n}.{end}" for end in rprelu}
    for part in ("attention.output.", "intermediate.", "output."):
        expected |= {layer + part + n for n in ("move", "dense.weight")}
        expected |= {f"{layer}{part}norm.{n}" for n in norm}
        expected |= {f"{layer}{part}rprelu.{n}" for n in rprelu}
        if part != "intermediate.":
            expected |= {f"{layer}{part}layerscale.{n}" for n in ("alpha", "move")}
    for n in ("layernorm_before", "layernorm_after"):
        expected |= {f"{layer}{n}.{end}" for end in norm}
    for n in ("h3", "w3", "h5", "w5"):
        expected |= {f"{layer}layerscale_{n}.{end}" for end in ("alpha", "move")}
    embed = "vit.encoder.patch_embed1."
    expected |= {embed + n for n in ("move", "proj.weight", "position_embeddings")}
    expected |= {f"{embed}{part}.{n}" for part in ("norm0", "norm") for n in norm}
    expected |= {f"{embed}rprelu.{n}" for n in rprelu}
    assert expected == {n for n in names if ".layer.1." not in n and ".layer.2." not in n}
    assert {n.replace(".layer.2.", ".layer.1.") for n in names} >= {n for n in names if ".1." in n}


def test_some_fp_and_deit_names():
    real = {n for n in BinaryViT(TINY.with_(embedding="real")).state_dict() if "patch_embed1" in n}
    parts = {n.removeprefix("vit.encoder.patch_embed1.").split(".")[0] for n in real}
    assert parts == {"norm0", "proj", "norm", "position_embeddings"}
    deit = BinaryViT(DEIT).state_dict()
    assert "vit.embeddings.cls_token" in deit and "vit.embeddings.norm.weight" not in deit
    assert not [n for n in deit if "layerscale" in n or "reduction" in n or "patch_embed1" in n]


def test_initial_values():
    state = BinaryViT(TINY).state_dict()
    layer = "vit.encoder.layer.0."
    assert state[layer + "attention.attention.att_prob_clip"] == pytest.approx(0.005)
    assert (state[layer + "output.rprelu.prelu.weight"] == 0.25).all()
    assert (state[layer + "output.layerscale.alpha"] == 0.1).all()
    assert not state[layer + "layerscale_w5.alpha"].any() and not state[layer + "output.move"].any()


def test_sizes_of_the_papers_models():
    with torch.device("meta"):
        model = BinaryViT(BINARYVIT)
        parameters = sum(p.numel() for p in model.parameters())
        binary = (
            sum(
                p.numel()
                for n, p in model.named_parameters()
                if p.ndim > 1 and n.endswith(".weight") and "projection" not in n
            )
            - model.classifier.weight.numel()
        )
        assert BinaryViT(BINARY_DEIT_S).config.tokens(0) == 197
    assert round(parameters / 1e6, 1) == 22.5
    assert round(binary / 1e6, 1) == 21.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": (3, 2)}, "3 does not divide the 8"),
        ({"heads": (2,)}, "one entry a stage"),
        ({"reduction": (3, 1)}, "3 does not divide the 8x8"),
        ({"hidden": (20, 16)}, "no multiple of the 8"),
        ({"channels": (8, 12)}, "12 is no multiple of the stage before"),
        ({"image": 15}, "no multiple of patch"),
        ({"image": 18, "reduction": (3, 1)}, "cannot halve"),
        ({"embedding": "ternary"}, "use 'binary' or 'real'"),
        ({"class_token": True}, "class_token=True needs one stage"),
    ],
)
def test_configuration_errors_say_what_is_wrong(change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        TINY.with_(**change)
    assert "\n" not in str(caught.value)


def test_real_lifts_every_binarisation_and_puts_it_back():
    model, _ = random_binaryvit(1, config=TINY)
    dense = model.vit.encoder.layer[0].intermediate.dense
    pictures = normalise(torch.from_numpy(random_pictures(0, 2, TINY.image)))
    with torch.no_grad():
        binary = model(pictures)
        model.set_real(True)
        real = model(pictures)
        assert len(dense.binary_weight().abs()[0].unique()) > 1 and not torch.equal(real, binary)
        dense.weight[0, 0] *= 1.01  # too little for a sign, not for a value
        assert not torch.equal(model(pictures), real)
        dense.weight[0, 0] /= 1.01
        model.set_real(False)
        assert torch.equal(model(pictures), binary)


@pytest.mark.parametrize("name", ["pyramid", "deit, class token"])
def test_autocast_narrows_products_only(name):
    model, _ = random_binaryvit(1, config=CONFIGS[name])
    model.train()
    pictures = normalise(torch.from_numpy(random_pictures(0, 4, CONFIGS[name].image)))
    exact, narrow, products = {}, {}, []
    model.vit.encoder.layer[0].intermediate.dense.register_forward_hook(
        lambda module, inputs, output: products.append(output.dtype)
    )
    with torch.no_grad():
        model(pictures, exact)
        with torch.autocast("cpu", torch.bfloat16):
            model(pictures, narrow)
    assert torch.equal(narrow["stem"], exact["stem"]) and products[1] is torch.bfloat16
    values = [n for n in exact if n.split(".")[-1] in ("x1", "x2", "q", "k", "v", "t", "hidden")]
    assert len(values) > 5 and all(narrow[value].dtype is torch.float32 for value in values)
    scores = next(value for value in narrow if value.endswith("scores"))
    assert torch.equal(narrow[scores].float().round(), narrow[scores].float())
