"""Lets the clock run; the module under test works by itself."""

import cocotb
from cocotb.triggers import RisingEdge, Timer


@cocotb.test()
async def run(dut) -> None:
    """Reset, then 20 cycles."""
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    dut.rst.value = 0
    await Timer(40, "ns")  # the clock has a period of 2 ns
