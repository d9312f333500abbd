"""Drives a list of values on each input every cycle, and records the outputs.

Parameters: ``inputs`` (port to one hexadecimal value a cycle), ``outputs`` (ports to record).
Returns ``outputs``: port to its value in each cycle, hexadecimal.
"""

import cocotb
from cocotb.triggers import RisingEdge
from cocotb.types import LogicArray

from sim import exchange


@cocotb.test()
async def cycles(dut) -> None:
    """One run, open loop."""
    plan = exchange.parameters()
    edge = RisingEdge(dut.clk)
    inputs = {name: [int(v, 16) for v in values] for name, values in plan["inputs"].items()}
    outputs = {name: [] for name in plan["outputs"]}
    for name in inputs:
        getattr(dut, name).value = 0
    dut.rst.value = 1
    await edge
    await edge
    dut.rst.value = 0
    for cycle in range(len(next(iter(inputs.values())))):
        for name, values in inputs.items():
            getattr(dut, name).value = values[cycle]
        await edge
        for name, seen in outputs.items():
            value = getattr(dut, name).value
            number = value.to_unsigned() if isinstance(value, LogicArray) else int(value)
            seen.append(f"{number:x}")
    exchange.return_values(outputs=outputs)
