"""The recipes' models against the budgets that they are chosen by."""

import pytest

from hw.spec import find_configuration
from sw.compiler.bound import fused_bound, layer_bounds
from sw.compiler.schedule import network_program
from sw.files import DEFAULT_MODEL, load_model
from sw.train import RECIPES
from sw.train.ablation import ROWS, macs
from sw.train.budget import CONFIGURATION, budget, main, random_packed


@pytest.mark.parametrize("name", ["cifar10", "cifar10-deep", "cifar10-wide"])
def test_a_recipe_keeps_the_budget(name):
    packed = random_packed(RECIPES[name].model)
    rules = {
        rule.what: rule
        for rule in budget(packed, network_program(packed, find_configuration(CONFIGURATION)))
    }
    assert [rule.what for rule in rules.values() if not rule.kept] == []
    assert packed.model.embedding == "binary"
    assert rules["weights and per-channel parameters"].value == pytest.approx(
        RECIPES[name].model.parameter_bits() / 1e6, rel=0.06
    )
    assert rules["binary MAC"].value == macs(RECIPES[name].model) / 1e6
    if name == "cifar10-deep":
        assert rules["resident with values and bits"].value < 3.3


def test_the_shipped_model_is_its_recipes_and_keeps_the_budget():
    packed = load_model(DEFAULT_MODEL)
    for sizes in ("channels", "depths", "reduction", "heads", "hidden"):
        assert getattr(packed.model, sizes) == getattr(RECIPES[DEFAULT_MODEL].model, sizes)
    rules = budget(packed, network_program(packed, find_configuration(CONFIGURATION)))
    assert [rule.what for rule in rules if not rule.kept] == []
    assert sum(rule.limit is not None for rule in rules) == 4


def test_what_exceeds_a_limit_is_said(capsys, monkeypatch):
    large = RECIPES["cifar10-small"].model.with_(embedding="real")
    packed = random_packed(large)
    monkeypatch.setattr("sw.train.budget.random_packed", lambda config: packed)
    assert main(["--recipe", "cifar10-small"]) == 1
    assert "EXCEEDED" in capsys.readouterr().out
    assert main(["--config", "9x9"]) == 2
    assert capsys.readouterr().err.startswith("budget: configuration '9x9' is unknown")


def test_the_fused_bound_lies_below_the_layers_and_above_their_work(pyramid):
    packed = pyramid[2].packed
    program = network_program(packed, find_configuration(CONFIGURATION))
    c = program.configuration
    fused = fused_bound(program)
    assert fused < sum(layer_bounds(program).values()) + sum(o.steps for o in program.operations)
    assert fused >= sum(o.macs for o in program.operations) // c.macs_per_cycle
    assert fused >= sum(o.elements for o in program.operations) // c.lanes


def test_the_rows_of_the_ablation_have_the_same_work():
    counts = [macs(config) for config in ROWS.values()]
    assert max(counts) / min(counts) < 1.03
    assert [config.class_token for config in ROWS.values()] == [True, *[False] * 4]
    assert [config.pooled_branches for config in ROWS.values()] == [False, False, True, True, True]
    assert [config.layer_scale for config in ROWS.values()] == [False] * 3 + [True] * 2
    assert [config.stages for config in ROWS.values()] == [1] * 4 + [3]
