"""Shows the SDRAM model a list of commands, one a cycle."""

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange

CODES = {
    "nop": (0, 0, 0), "activate": (1, 0, 0), "read": (0, 1, 0), "write": (0, 1, 1),
    "precharge": (1, 0, 1), "refresh": (1, 1, 0), "mode": (1, 1, 1),
}  # fmt: skip


@cocotb.test()
async def commands(dut) -> None:
    """Each command is [cycles to wait, name, bank, address, cycles that data are driven for]."""
    edge = RisingEdge(dut.clk)
    dut.power.value = 0
    dut.clk_en.value = 1
    for name in ("cs", "ras", "cas", "we", "ba", "a", "dqm", "dq_i", "dq_driven", "word"):
        getattr(dut, name).value = 0
    await edge
    await edge
    dut.power.value = 1
    for wait, name, bank, address, driven in exchange.parameters()["commands"]:
        for _ in range(wait):
            await edge
        dut.cs.value = 1
        dut.ras.value, dut.cas.value, dut.we.value = CODES[name]
        dut.ba.value, dut.a.value = bank, address
        dut.dq_driven.value = int(driven > 0)
        await edge
        dut.cs.value = 0
        for _ in range(driven - 1):
            await edge
        dut.dq_driven.value = 0
    for _ in range(8):
        await edge
    exchange.return_values(ready=bool(dut.ready.value), words=dut.words.value.to_unsigned())
