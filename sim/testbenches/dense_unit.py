"""Give the dense unit commands and memories; grant at random; collect what it writes.

Parameters (see `sim.exchange.parameters`):

``x``, ``u``, ``parameters``   hexadecimal words of the memories (writes do not change ``u``);
``commands``                   hexadecimal records;
``lanes``                      lanes of a word;
``deny``, ``stall``            chances, a cycle, that a port is not granted, that ``stall`` is high;
``block``                      chance, a cycle, that a write is not granted beside that;
``late``                       chance, a cycle, that the next command is not offered yet;
``taken``                      chance, a cycle, that a beat takes the multipliers.
"""

import random
from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange
from sim.testbenches.pooling_unit import ReadPort

TIMEOUT_CYCLES = 200_000
QUIET_CYCLES = 60


@cocotb.test()
async def dense_unit(dut) -> None:
    """Run all commands, then wait until nothing has moved for a while."""
    plan = exchange.parameters()
    chance = random.Random(plan["seed"])
    edge = RisingEdge(dut.clk)
    ports = [
        ReadPort(dut, name, plan[words], chance)
        for name, words in (("x", "x"), ("u", "u"), ("parameter", "parameters"))
    ]
    write = {part: getattr(dut, f"u_write__{part}")
             for part in ("request", "grant", "address", "data", "mask")}  # fmt: skip
    dut.command__valid.value = 0
    for grant in (dut.x__grant, dut.u__grant, dut.parameter__grant, write["grant"], dut.stall):
        grant.value = 0
    dut.rst.value = 1
    for _ in range(3):
        await edge
    dut.rst.value = 0

    commands = deque(int(word, 16) for word in plan["commands"])
    offered, given, kept = False, 0, None
    writes, done, traces, accepted, busy, taken = [], [], [], [], [], []
    cycle = moved = 0
    while commands or len(done) < given or cycle - moved < QUIET_CYCLES:
        if not offered and commands and chance.random() >= plan["late"]:
            dut.command__payload.value = commands[0]
            dut.command__valid.value = 1
            offered = True
        for port in ports:
            port.drive(plan["deny"])
        write["grant"].value = int(chance.random() >= max(plan["deny"], plan["block"]))
        dut.stall.value = int(chance.random() < plan["stall"])
        dut.taken.value = int(chance.random() < plan["taken"])
        await edge
        reads = [len(port.cycles) for port in ports]
        for port in ports:
            port.sample(cycle)
        if dut.stall.value:
            assert [len(port.cycles) for port in ports] == reads, "a read in a stalled cycle"
            assert not dut.busy.value, "a step in a stalled cycle"
        if offered and dut.command__ready.value:
            commands.popleft()
            dut.command__valid.value = 0
            offered = False
            given += 1
            accepted.append(cycle)
        if dut.taken.value:
            taken.append(cycle)
        if dut.busy.value:
            assert not dut.taken.value, "a step without multipliers"
            busy.append(cycle)
        assert bool(dut.trace_dense_valid.value) == bool(
            write["request"].value and write["grant"].value
        ), "the trace shows the writes"
        if write["request"].value:
            word = [write["address"].value.to_unsigned(), f"{write['data'].value.to_unsigned():x}"]
            assert kept in (None, word), "a write changed before its grant"
            kept = word
            if write["grant"].value:
                assert write["mask"].value.to_unsigned() == (1 << plan["lanes"]) - 1
                writes.append([cycle, *word])
                traces.append(f"{dut.trace_dense.value.to_unsigned():x}")
                moved, kept = cycle, None
        if dut.done.value:
            done.append(cycle)
        cycle += 1
        assert cycle < TIMEOUT_CYCLES, (
            f"no end: {len(commands)} commands left, {given} given, {len(done)} done, "
            f"{len(writes)} writes"
        )
    exchange.return_values(
        writes=writes,
        done=done,
        traces=traces,
        accepted=accepted,
        busy=busy,
        taken=taken,
        reads={
            name: port.cycles for name, port in zip(("x", "u", "parameter"), ports, strict=True)
        },
    )
