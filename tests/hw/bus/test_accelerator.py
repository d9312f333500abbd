"""A network through the accelerator's AXI ports, from a host's and a memory's model, as golden."""

import numpy as np
import pytest

from hw.bus import AxiAccelerator
from hw.bus.wrapper import CORE, TOP, wrapper_verilog
from hw.spec import find_configuration
from sim.build import build_simulator, cached_verilog
from sim.run import run_testbench
from sw.compiler.schedule.network import network_program
from sw.golden import run
from tests.sw.conftest import compiled
from tests.sw.golden.random_model import CONFIGS

CONFIGURATION = find_configuration("3x4x64-l8")
BASE = 0x40000
SIZE = 1 << 22


@pytest.fixture(scope="module")
def simulator():
    core, _ = cached_verilog(
        lambda: AxiAccelerator(CONFIGURATION, base=BASE), CORE, repr((CONFIGURATION, BASE))
    )
    return build_simulator({f"{CORE}.v": core, f"{TOP}.v": wrapper_verilog()}, TOP)


@pytest.mark.parametrize(("pause", "runs"), [(0.0, 2), (0.4, 1)])
def test_a_network_runs_bit_exactly(simulator, pause, runs):
    _, _, quantised, images = compiled(next(iter(CONFIGS)))
    program = network_program(quantised.packed, CONFIGURATION)
    memory = program.memory.copy()
    picture = program.picture(images[0].numpy())
    memory[program.picture_address :][: len(picture)] = picture
    assert BASE + 16 * len(memory) <= SIZE
    plan = {
        "base": BASE, "size": SIZE, "start": program.start, "result": program.result_address,
        "result_beats": program.result_beats, "pause": pause, "runs": runs, "seed": 5,
        "timeout_cycles": 300_000,
    }  # fmt: skip
    got = run_testbench(
        simulator, "sim.testbenches.axi", parameters=plan, inputs={"memory": memory}
    )
    expected = run(quantised.packed, images[:1]).numpy()[0]
    np.testing.assert_array_equal(program.logits(got.arrays["results"]), expected)
    assert not got.values["error"]
    assert got.values["registers"]["store_beats"] >= program.result_beats
