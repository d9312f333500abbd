"""Every tensor of whole networks, RTL against golden; what differs is found and named."""

from dataclasses import replace

import numpy as np
import pytest

from sim.native import NativeSimulator
from sw.driver import BACKENDS
from tests.sw.golden.random_model import CONFIGS


@pytest.mark.parametrize("name", CONFIGS)
def test_every_tensor_is_golden_s(diff, name):
    result = diff(name)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("EQUAL: ")


@pytest.mark.parametrize(
    ("name", "tensor", "rerun"),
    [
        ("pyramid", "stem", "sw diff"),
        ("pyramid", "stage1.block0.attention.scores", "--stage 1 --block 0"),
        ("pyramid", "stage2.embedding.bits", "sw diff"),
        ("pyramid", "stage2.embedding.pooled_mean", "sw diff"),
        ("pyramid", "stage2.block1.branch.h5", "--stage 2 --block 1"),
        ("pyramid", "stage2.block1.x2", "--stage 2 --block 1"),
        ("ratios", "stage1.block0.ffn.pooled", "--stage 1 --block 0"),
        ("real", "stage2.embedding.n", "sw diff"),
        ("real", "stage2.embedding", "sw diff"),
        ("class_token", "head.pooled", "sw diff"),
        ("pyramid", "head.mean", "sw diff"),
        ("pyramid", "logits", "sw diff"),
    ],
)
def test_an_injected_bit_is_found_where_it_is(diff, name, tensor, rerun):
    result = diff(name, "--inject", tensor)
    assert result.exit_code == 1, result.output
    first, command, last = result.stdout.splitlines()
    assert first.startswith(f"first mismatch: {tensor}: ")
    assert ": expected raw " in first and " of golden, got raw " in first
    assert "; 1 of " in first and first.endswith(" elements differ")
    assert rerun in command and "--inject" in command
    assert last.startswith("MISMATCH: 1 of ")


def test_the_first_wrong_tensor_of_a_wrong_device_is_named(diff, monkeypatch):
    """A device with one wrong weight bit: everything before it is right, much behind it is not."""
    changed, made = "stage2.block0.query", BACKENDS["sim"]

    def broken(configuration, batch, **options):
        handle = made(configuration, batch, **options)
        load = handle.load

        def load_changed(packed):
            layer = packed.layers[changed]
            weight = np.array(layer.weight)
            weight[5, 0] ^= 1 << 40
            load(replace(packed, layers=packed.layers | {changed: replace(layer, weight=weight)}))

        handle.load = load_changed
        return handle

    monkeypatch.setitem(BACKENDS, "sim", broken)
    result = diff("pyramid")
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("first mismatch: stage2.block0.attention.q: token 0, channel 5")
    assert "python -m sim.run_block" in result.stdout and "--stage 2 --block 0" in result.stdout


def test_what_no_beat_showed_is_a_mismatch(diff, monkeypatch):
    whole = NativeSimulator.raw_trace

    def shortened(self, tap):
        cycles, data = whole(self, tap)
        return (cycles[:-1], data[:-1]) if tap == "grid" else (cycles, data)

    monkeypatch.setattr(NativeSimulator, "raw_trace", shortened)
    result = diff("pyramid")
    assert result.exit_code == 1, result.output
    assert "head.pooled: token 0, channel 56: expected raw " in result.stdout
    assert "got nothing (it did not show it) of sim; 8 of 64 elements differ" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--backends", "golden"], "give two of golden, sim"),
        (["--backends", "golden,fpga"], "give two of golden, sim"),
        (["--inject", "stage9.block0.x1"], "'stage9.block0.x1': no such tensor; choose one of ste"),
        (["--config", "9x9"], "9x9"),
        (["--seed", "-1"], "seed -1: choose 0 to"),
        (["--memory", "hbm"], "'hbm': unknown"),
    ],
)
def test_bad_input(diff, options, words):
    result = diff("mean", *options)
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert line.startswith("diff: ") and words in line
