"""Sampling and tracing show a run and leave it as it is."""

import numpy as np
import pytest

from hw.spec import find_configuration
from sim.network.run import run_network
from sw.compiler.schedule import network_program
from sw.driver import Accelerator, DriverError
from tests.sw.conftest import compiled

CONFIG = "3x4x64-l8"


@pytest.fixture
def network():
    _, _, quantised, images = compiled("pyramid")
    return quantised.packed, images[0].numpy()


def test_sampled_traced_and_plain_runs_are_the_same_run(network, tmp_path):
    packed, pixels = network
    sampled = run_network(network_program(packed, find_configuration(CONFIG)), pixels[None])
    for options in ({}, {"trace": tmp_path}):
        with Accelerator.open("sim", CONFIG, **options) as accelerator:
            accelerator.load(packed)
            if options:
                logits = accelerator.trace(pixels)["logits"].data
            else:
                logits = accelerator.run(pixels[None])
            assert accelerator.counters() == sampled.registers
            assert accelerator.completions() == sampled.completions
            np.testing.assert_array_equal(logits, sampled.logits)


def test_a_batch_of_pictures_gives_golden_s_logits_of_each():
    _, _, quantised, images = compiled("pyramid")
    packed, images = quantised.packed, images[:3].numpy()
    with Accelerator.open("golden") as golden:
        golden.load(packed)
        expected = golden.run(images)
    assert len(np.unique(expected, axis=0)) == 3
    with Accelerator.open("sim", CONFIG) as one, Accelerator.open("sim", CONFIG, batch=2) as two:
        for accelerator in (one, two):
            accelerator.load(packed)
            np.testing.assert_array_equal(accelerator.run(images), expected)
        # The third picture is a batch alone.
        assert two.cycles[0] == two.cycles[1] < one.cycles[0] < two.cycles[2]
        with pytest.raises(DriverError, match="trace: shows one picture, not a batch=2"):
            two.trace(images[0])


def test_tensors_without_a_trace_folder_are_one_line(network):
    packed, pixels = network
    with Accelerator.open("sim", CONFIG) as accelerator:
        accelerator.load(packed)
        with pytest.raises(DriverError, match=r"^sim: simulator: no trace was written; give it"):
            accelerator.trace(pixels)
