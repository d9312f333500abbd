"""Drives the memory port of the SDRAM controller: bursts in, every beat compared."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange
from sim.testbenches.memory_plan import expected


@cocotb.test()
async def bursts(dut) -> None:
    """Offers bursts (write, address, beats), `gap_cycles` after each other; pauses at random."""
    plan = exchange.parameters()
    chance = random.Random(plan["seed"])
    bursts = [tuple(burst) for burst in plan["bursts"]]
    writes, reads, _ = expected(bursts, chance)

    for name in ("request_valid", "write_valid", "read_ready"):
        getattr(dut, name).value = 0
    rising = RisingEdge(dut.clk)

    async def edge() -> None:
        """An edge of the port's clock, which a slower one has where it is still low."""
        await rising
        while plan["ratio"] > 1 and dut.port_clk.value:
            await rising

    dut.rst.value = 1
    for _ in range(3):
        await edge()
    dut.rst.value = 0
    power_up = 0
    while not dut.ready.value:
        await edge()
        power_up += 1
        assert power_up < plan["timeout_cycles"], "the chip is never initialised"

    accepted, read_at, written_at = [], [], []
    pause, stop = plan["pause"], plan["stop"]  # chances of a pause, and of a long one
    held = {"read": 0, "write": 0}
    offering, next_offer = False, 0
    for cycle in range(plan["timeout_cycles"]):
        if not offering and len(accepted) < len(bursts) and cycle >= next_offer:
            dut.request_write.value, dut.request_address.value, dut.request_beats.value = bursts[
                len(accepted)
            ]
            offering = True
        dut.request_valid.value = int(offering)
        go = {}
        for side in held:
            if held[side]:
                held[side] -= 1
            elif chance.random() < stop:
                held[side] = 2000
            go[side] = not held[side] and chance.random() >= pause
        writing = len(written_at) < len(writes) and go["write"]
        if writing:
            dut.write_data.value = writes[len(written_at)]
        dut.write_valid.value = int(writing)
        dut.read_ready.value = int(go["read"])
        await edge()
        if offering and dut.request_ready.value:
            accepted.append(cycle)
            offering, next_offer = False, cycle + 1 + plan["gap_cycles"]
        if writing and dut.write_ready.value:
            written_at.append(cycle)
        if go["read"] and dut.read_valid.value:
            assert len(read_at) < len(reads), f"a beat too many in cycle {cycle}"
            data, wanted = dut.read_data.value.to_unsigned(), reads[len(read_at)]
            assert data == wanted, (
                f"beat {len(read_at)} in cycle {cycle}: {data:032x}, expected {wanted:032x}"
            )
            read_at.append(cycle)
        if len(read_at) == len(reads) and len(written_at) == len(writes):
            break
    else:
        raise AssertionError(
            f"not done: {len(read_at)} of {len(reads)} beats read, "
            f"{len(written_at)} of {len(writes)} written"
        )
    dut.request_valid.value = dut.write_valid.value = dut.read_ready.value = 0
    for _ in range(400):  # the FIFO of written beats drains
        await edge()
    assert dut.words.value.to_unsigned() == 8 * (len(reads) + len(writes))
    exchange.return_values(
        accepted=accepted, read_at=read_at, written_at=written_at, power_up=power_up,
        activates=dut.activates.value.to_unsigned(), refreshes=dut.refreshes.value.to_unsigned(),
    )  # fmt: skip
