"""A whole block in the synthesised netlist of the smallest accelerator, every tensor golden's."""

from __future__ import annotations

import pytest
import torch

from bitstreams.gate_level import netlist_verilog, sources
from hw.accelerator import Accelerator
from hw.spec.configuration import find_configuration
from sim.block.compare import compare, describe
from sim.block.simulate import simulate
from sim.block.top import block_simulator
from sw.compiler.schedule import schedule_block
from sw.compiler.schedule.image import block_image
from sw.golden.block import run_block
from tests.random_block import NAME, random_block, random_values

CONFIGURATION = find_configuration("2x2x64-l8")
GRID, CHANNELS = 4, 32


@pytest.mark.slow
def test_the_netlist_of_the_accelerator_runs_a_block():
    packed = random_block(GRID, CHANNELS, 2 * CHANNELS, 2, 2, seed=3)
    x = random_values(GRID, CHANNELS, 3)
    trace: dict[str, torch.Tensor] = {}
    run_block(packed, 1, 0, torch.from_numpy(x), trace)
    prefix = f"{NAME}."
    golden = {
        key.removeprefix(prefix): value.numpy()
        for key, value in trace.items()
        if key != f"{prefix}x"
    }
    image = block_image(packed, 1, 0)
    program = schedule_block(image, CONFIGURATION)
    netlist = netlist_verilog(Accelerator(CONFIGURATION), "accelerator")
    simulator = block_simulator(CONFIGURATION, netlist=sources("accelerator", netlist))
    results = compare(golden, simulate(program, image, x, simulator=simulator).observation, {})
    wrong = [describe(r, r.name) for r in results if r.mismatches]
    assert not wrong, "\n".join(wrong)
    assert sum(r.elements for r in results) == sum(t.size for t in golden.values()) > 0
