"""A host and a memory of cocotbext-axi around the accelerator's Verilog for other systems."""

import random

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, First, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp

from hw.spec.registers import IDENTITY, REGISTERS
from sim import exchange
from sim.testbenches.axi_memory import pause_memory, pauses


def byte_address(register: str) -> int:
    """Where a register is on the bus."""
    return 4 * REGISTERS[register].address


@cocotb.test()
async def program(dut) -> None:
    """Puts a memory image in place, starts its program, waits for the interrupt, reads results."""
    plan, image = exchange.parameters(), exchange.inputs()["memory"]
    chance = random.Random(plan["seed"])
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=plan["size"])
    host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    if plan["pause"]:
        pause_memory(ram, chance, plan["pause"])
        for channel in (
            host.write_if.aw_channel,
            host.write_if.w_channel,
            host.write_if.b_channel,
            host.read_if.ar_channel,
            host.read_if.r_channel,
        ):
            channel.set_pause_generator(pauses(chance, plan["pause"]))
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0

    async def read(register: str) -> int:
        return int.from_bytes((await host.read(byte_address(register), 4)).data, "little")

    assert await read("identity") == IDENTITY
    ram.write(plan["base"], image.tobytes())
    part = await host.write(byte_address("program") + 1, b"\x01")
    assert part.resp == AxiResp.SLVERR, "a register takes all its bytes or none"
    assert await read("status") == 0, "and nothing was started"

    for _ in range(plan["runs"]):
        written = await host.write(byte_address("program"), plan["start"].to_bytes(4, "little"))
        assert written.resp == AxiResp.OKAY
        assert await read("status") == 1
        assert not int(dut.irq.value)
        late = ClockCycles(dut.clk, plan["timeout_cycles"])
        if await First(RisingEdge(dut.irq), late) is late:
            raise AssertionError(f"no interrupt within {plan['timeout_cycles']} cycles")
        # The interrupt says that the results lie in memory: they are read before any register.
        results = ram.read(plan["base"] + 16 * plan["result"], 16 * plan["result_beats"])
        assert await read("status") == 2
    exchange.return_arrays(results=np.frombuffer(results, np.uint64).reshape(-1, 2))
    exchange.return_values(
        registers={name: await read(name) for name in REGISTERS},
        error=bool(int(dut.memory_error.value)),
    )
