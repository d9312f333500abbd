"""Testbenches that fail, each in its way."""

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange


@cocotb.test()
async def wrong(dut) -> None:
    """An assertion that does not hold."""
    await RisingEdge(dut.clk)
    expected = 42
    assert exchange.inputs()["answer"][0] == expected


@cocotb.test()
async def endless(dut) -> None:
    """Never ends."""
    await RisingEdge(dut.rst)


@cocotb.test()
async def echo(dut) -> None:
    """Hands its input back."""
    await RisingEdge(dut.clk)
    exchange.return_arrays(answer=exchange.inputs()["answer"] + 1)
    exchange.return_values(name=exchange.parameters()["name"])
