"""Drives ``external_memory`` with a list of requests; logs the cycle of every handshake."""

import random

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange


@cocotb.test()
async def requests(dut) -> None:
    """Issue all requests as fast as they are taken, and move their beats."""
    plan = exchange.parameters()
    chance = random.Random(plan["seed"])
    for name in ("req_valid", "w_valid", "r_ready", "stall"):
        getattr(dut, name).value = 0
    edge = RisingEdge(dut.clk)
    dut.rst.value = 1
    await edge
    await edge
    dut.rst.value = 0

    requests = list(plan["requests"])  # [write, address, beats]
    writes = [int(beat, 16) for beat in plan["write_data"]]
    reads = sum(beats for write, _, beats in requests if not write)
    log = {"accepted": [], "read": [], "read_data": [], "written": []}
    offering = None
    held = None
    for cycle in range(plan["timeout_cycles"]):
        if offering is None and requests:
            offering = requests.pop(0)
            dut.req_write.value, dut.req_address.value, dut.req_beats.value = offering
        dut.req_valid.value = int(offering is not None)
        ready = int(chance.random() >= plan["pause"])
        dut.r_ready.value = ready
        dut.stall.value = int(chance.random() < plan["stall"])
        writing = len(log["written"]) < len(writes)
        if writing:
            dut.w_data.value = writes[len(log["written"])]
        dut.w_valid.value = int(writing)
        await edge
        if offering is not None and dut.req_ready.value:
            log["accepted"].append(cycle)
            offering = None
        if dut.r_valid.value:
            data = dut.r_data.value.to_unsigned()
            assert held in (None, data), f"r_data changed in cycle {cycle} before it was taken"
            held = None if ready else data
            if ready:
                log["read"].append(cycle)
                log["read_data"].append(f"{data:x}")
        else:
            assert held is None, f"r_valid fell in cycle {cycle} before the beat was taken"
        if writing and dut.w_ready.value:
            log["written"].append(cycle)
        if len(log["read"]) == reads and len(log["written"]) == len(writes) and not requests:
            break
    else:
        raise AssertionError(f"not done after {cycle + 1} cycles: {len(log['read'])}/{reads} read")
    dut.req_valid.value = dut.w_valid.value = dut.r_ready.value = 0
    await edge
    exchange.return_values(
        beats_read=dut.beats_read.value.to_unsigned(),
        beats_written=dut.beats_written.value.to_unsigned(),
        **log,
    )
