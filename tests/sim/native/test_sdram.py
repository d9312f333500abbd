"""The accelerator with the SDRAM controller's RTL behind it: data, cycles, resets, violations."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hw.memory.crossing import DEPTH
from hw.memory.sdram import SLOW_16X16M, SdramTiming
from hw.memory.sdram.words import PLACES
from hw.spec import find_configuration
from sim.errors import SimulationError
from sim.native import PRESETS, NativeSimulator, sdram
from sim.native.memory import CONTROLLERS
from sim.network.run import run_network
from sw.compiler.schedule import network_program
from sw.golden import run
from tests.sim.native.copy_program import PROGRAM, SOURCE, copy_program
from tests.sim.native.test_native import run_copy
from tests.sw.compiler.test_network_schedule import MODELS, packed_model
from tests.sw.golden.random_model import pictures

CONFIGURATION = find_configuration("3x4x64-l8")
CONTROLLER = "sdram-controller"


@pytest.fixture(scope="module", params=CONTROLLERS)
def controller(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def simulator(controller):
    simulator = NativeSimulator(CONFIGURATION, controller)
    yield simulator
    simulator.close()


@pytest.mark.parametrize(("words", "burst"), [(64, 16), (1024, 32), (1024, 128)])
def test_a_copy_takes_what_the_preset_says(simulator, controller, words, burst):
    got = run_copy(simulator, words, burst)
    preset = CONTROLLERS[controller]
    model = NativeSimulator(CONFIGURATION, preset)
    try:
        # FIFOs take the last beats of the store before the chip does.
        held = PLACES + (DEPTH if controller.endswith("2x") else 0)
        expected = run_copy(model, words, burst) - held * PRESETS[preset].cycles
        assert got == pytest.approx(expected, rel=0.01, abs=30)
    finally:
        model.close()


def test_it_has_32_megabytes(simulator):
    data = np.arange(8, dtype=np.uint64).reshape(4, 2)
    simulator.write(SLOW_16X16M.beats - 4, data)
    np.testing.assert_array_equal(simulator.read(SLOW_16X16M.beats - 4, 4), data)
    with pytest.raises(SimulationError, match=f"outside memory, which has {SLOW_16X16M.beats}"):
        simulator.write(SLOW_16X16M.beats - 3, data)
    simulator.write(PROGRAM, copy_program(CONFIGURATION, 16, 16, source=1 << 24))
    simulator.start(PROGRAM)
    with pytest.raises(SimulationError, match=r"asked for 16 beats from beat 16777216"):
        simulator.run(10_000)
    simulator.reset()


@pytest.mark.parametrize("seed", range(4))
def test_a_reset_in_any_cycle_leaves_nothing_behind(simulator, seed):
    whole = run_copy(simulator, 256, 32, seed)
    simulator.start(PROGRAM)
    assert not simulator.run(random.Random(seed).randrange(1, whole)).done
    simulator.reset()
    assert simulator.read(SOURCE, 1).any(), "contents stay"
    run_copy(simulator, 256, 32, seed + 100)


def test_what_the_chip_refuses_is_one_error(monkeypatch):
    def slower_chip(timing: SdramTiming, **options) -> dict[str, str]:
        sources = original(timing, **options)
        top = sources["sdram_top.v"]
        assert ".T_RP_PS(20000)" in top
        return sources | {"sdram_top.v": top.replace(".T_RP_PS(20000)", ".T_RP_PS(20001)")}

    original = sdram.sdram_sources
    monkeypatch.setattr(sdram, "sdram_sources", slower_chip)
    with pytest.raises(SimulationError, match=r"sdram: REFRESH breaks tRP at \d+ ps") as caught:
        NativeSimulator(CONFIGURATION, CONTROLLER)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("name", "within"), [("real", 0.01), ("spilled", 0.02)])
def test_a_network_runs_bit_exactly_and_as_fast_as_the_preset_says(controller, name, within):
    packed, picture = packed_model(name), pictures(MODELS[name], 1, 2)
    program = network_program(packed, CONFIGURATION)
    got = run_network(program, picture.numpy(), controller)
    assert np.array_equal(got.logits, run(packed, picture).numpy())
    model = run_network(program, picture.numpy(), CONTROLLERS[controller])
    assert got.cycles == pytest.approx(model.cycles, rel=within)
