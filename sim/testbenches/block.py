"""Runs programs on the simulated system: preload, then the measured program; few triggers.

Parameters: ``programs`` (first beats, in order), ``timeout_cycles``, ``registers`` (name to
address of what is read back after the last program).
"""

import cocotb
from cocotb.triggers import RisingEdge, SimTimeoutError, with_timeout

from sim import exchange
from sim.run import CLOCK_PERIOD_NS

RESET_CYCLES = 3


@cocotb.test()
async def block(dut) -> None:
    """Reset, start every program and wait for done, read the counters back."""
    plan = exchange.parameters()
    edge = RisingEdge(dut.clk)
    dut.host_write.value = 0
    dut.host_address.value = 0
    dut.rst.value = 1
    for _ in range(RESET_CYCLES):
        await edge
    dut.rst.value = 0
    await edge
    for program in plan["programs"]:
        dut.host_address.value = plan["registers"]["program"]
        dut.host_data_in.value = program
        dut.host_write.value = 1
        await edge
        dut.host_write.value = 0
        try:
            await with_timeout(RisingEdge(dut.done), plan["timeout_cycles"] * CLOCK_PERIOD_NS, "ns")
        except SimTimeoutError:
            raise AssertionError(
                f"accelerator: not done after {plan['timeout_cycles']} cycles"
            ) from None
        await edge
    values = {}
    for name, address in plan["registers"].items():
        dut.host_address.value = address
        await edge
        await edge
        values[name] = int(dut.host_data.value)
    exchange.return_values(registers=values)
