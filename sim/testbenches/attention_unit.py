"""Drive the attention unit as the array does, grant row memory at random, collect its writes.

Parameters (see `sim.exchange.parameters`):

``table``           entries of the exponential table, loaded first;
``commands``        hexadecimal SCORE records;
``tiles``           a list of hexadecimal score beats a tile, over all commands;
``array_latency``   cycles from ``score_tile`` to a tile's first beat, at least 1;
``gap``, ``deny``, ``stall``, ``late``   chances, a cycle, that the array pauses, that a slot's
                    write is not granted, that ``stall`` is high, that a command is held back.
"""

import random
from collections import deque

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge

from sim import exchange

TIMEOUT_CYCLES = 60_000
QUIET_CYCLES = 60


@cocotb.test()
async def attention_unit(dut) -> None:
    """Run all commands, then wait until nothing has moved for a while."""
    plan = exchange.parameters()
    chance = random.Random(plan["seed"])
    rising, falling = RisingEdge(dut.clk), FallingEdge(dut.clk)
    rows = plan["rows"]
    grants = [getattr(dut, f"row_write__{i}__grant") for i in range(rows)]
    requests = [getattr(dut, f"row_write__{i}__request") for i in range(rows)]
    port = {name: [getattr(dut, f"row_write__{i}__{name}") for i in range(rows)]
            for name in ("address", "data", "mask")}  # fmt: skip

    for name in ("command__valid", "score_valid", "score_tile", "stall", "exp_write__request"):
        getattr(dut, name).value = 0
    for grant in grants:
        grant.value = 1
    dut.rst.value = 1
    for _ in range(3):
        await rising
    dut.rst.value = 0
    for index, entry in enumerate(plan["table"]):
        dut.exp_write__address.value = index
        dut.exp_write__data.value = entry
        dut.exp_write__request.value = 1
        await rising
        assert dut.exp_write__grant.value
    dut.exp_write__request.value = 0

    commands = deque(int(word, 16) for word in plan["commands"])
    tiles = deque([int(beat, 16) for beat in tile] for tile in plan["tiles"])
    issued: deque[tuple[int, list[int]]] = deque()
    beats: deque[int] = deque()
    offered = False
    writes, done, busy, pops, bits, arrived, issues = [], [], 0, [], [], [], []
    cycle = moved = 0
    while commands or offered or tiles or issued or beats or cycle - moved < QUIET_CYCLES:
        # After a rising edge: inputs of the coming cycle.
        if not offered and commands and chance.random() >= plan["late"]:
            dut.command__payload.value = commands[0]
            offered = True
        dut.command__valid.value = int(offered)
        for grant in grants:
            grant.value = int(chance.random() >= plan["deny"])
        dut.stall.value = int(chance.random() < plan["stall"])
        if not beats and issued and cycle >= issued[0][0] + plan["array_latency"]:
            beats.extend(issued.popleft()[1])
        give = bool(beats) and chance.random() >= plan["gap"]
        dut.score_valid.value = int(give)
        if give:
            dut.score.value = beats.popleft()
            arrived.append(cycle)
        await falling
        # Amid the cycle: the array's answer to score_ready, in the same cycle.
        issue = bool(tiles) and bool(dut.score_ready.value) and chance.random() >= plan["gap"]
        dut.score_tile.value = int(issue)
        if issue:
            issued.append((cycle, tiles.popleft()))
            issues.append(cycle)
        await rising
        # The rising edge's values are those from before it.
        if offered and dut.command__ready.value:
            commands.popleft()
            offered = False
            moved = cycle
        active = [slot for slot in range(rows) if requests[slot].value]
        assert len(active) <= 1, f"slots {active} requested at once in cycle {cycle}"
        wrote = [slot for slot in active if grants[slot].value]
        for slot in wrote:
            writes.append([cycle, slot, *(port[name][slot].value.to_unsigned()
                                          for name in ("address", "mask", "data"))])  # fmt: skip
        if give or wrote:
            moved = cycle
        assert bool(dut.busy.value) == bool(give or wrote)
        busy += int(dut.busy.value)
        if dut.done.value:
            done.append(cycle)
        if dut.trace_score_valid.value:
            pops.append(f"{dut.trace_score.value.to_unsigned():x}")
        if dut.trace_probability_valid.value:
            bits.append(f"{dut.trace_probability.value.to_unsigned():x}")
        cycle += 1
        assert cycle < TIMEOUT_CYCLES, (
            f"no end: {len(commands)} commands, {len(tiles)} tiles, {len(beats)} beats left, "
            f"{len(writes)} writes"
        )
    exchange.return_values(
        writes=writes, done=done, busy=busy, pops=pops, bits=bits, arrived=arrived, issues=issues
    )
