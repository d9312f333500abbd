"""A whole block in the synthesised netlist of the smallest accelerator, every tensor golden's."""

from __future__ import annotations

import pytest

from bitstreams.gate_level import netlist_verilog, sources
from hw.accelerator import Accelerator
from hw.spec.configuration import find_configuration
from sim.block.simulate import simulate
from sim.block.top import block_simulator
from sw.compiler.schedule import schedule_block
from sw.compiler.schedule.image import block_image
from tests.random_block import assert_equal, golden_tensors, random_block, random_values

CONFIGURATION = find_configuration("2x2x64-l8")
GRID, CHANNELS = 4, 32


@pytest.mark.slow
def test_the_netlist_of_the_accelerator_runs_a_block():
    packed = random_block(GRID, CHANNELS, 2 * CHANNELS, 2, 2, seed=3)
    x = random_values(GRID, CHANNELS, 3)
    image = block_image(packed, 1, 0)
    program = schedule_block(image, CONFIGURATION)
    netlist = netlist_verilog(Accelerator(CONFIGURATION), "accelerator")
    simulator = block_simulator(
        CONFIGURATION, netlist=sources("accelerator", netlist, garbage=True)
    )
    run = simulate(program, image, x, simulator=simulator)
    assert_equal(golden_tensors(packed, x), run)
