"""The lanes between memory models: everything they read, write and show, cycle by cycle.

Parameters (see `sim.exchange.parameters`):

``commands``   LINEAR records, hexadecimal;
``results``    beats of accumulators, hexadecimal;
``memories``   x, u and parameter: words, hexadecimal;
``rows``       row write ports;
``done``       commands to finish;
``stall``, ``result_stall``, ``command_stall``  chance that it pauses in a cycle;
``products``   what is offered to the lent multipliers, one of them at random in every cycle: ports
               and ``total``, all hexadecimal;
``seed``, ``timeout_cycles``.

The port `trace` is called ``trace_beat`` here, since a Verilator top cannot have that name.

Read data is a random word in every cycle that does not follow a request.
"""

import random
from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange

IDLE_CYCLES = 64
PRODUCT_CYCLES = 5
"""From what is offered to the lent multipliers to its total."""


@cocotb.test()
async def lanes(dut) -> None:
    """One run; hands back writes, beats, reads and completions with their cycles."""
    plan = exchange.parameters()
    chance = random.Random(plan["seed"])
    memories = {name: [int(w, 16) for w in words] for name, words in plan["memories"].items()}
    commands = [int(w, 16) for w in plan["commands"]]
    results = [int(w, 16) for w in plan["results"]]
    writers = [
        (
            name,
            *(getattr(dut, f"{prefix}__{part}") for part in ("request", "address", "data", "mask")),
        )
        for name, prefix in (
            ("x", "x_write"),
            ("u", "u_write"),
            ("column", "column_write"),
            *((f"row{i}", f"row_write__{i}") for i in range(plan["rows"])),
        )
    ]
    readers = [
        (name, *(getattr(dut, f"{name}__{part}") for part in ("request", "address", "data")))
        for name in memories
    ]
    bits = {name: len(getattr(dut, f"{name}__data")) for name in memories}
    value_bits = {
        name: bits[name] // len(getattr(dut, f"{name}_write__mask")) for name in ("x", "u")
    }
    products = [{port: int(text, 16) for port, text in offer.items()} for offer in plan["products"]]
    offered_products = deque([None] * PRODUCT_CYCLES)
    taken = True
    for name in memories:
        getattr(dut, f"{name}__grant").value = 1
        getattr(dut, f"{name}__data").value = 0
    for _, request, *_ in writers:
        grant = request._name.replace("__request", "__grant")
        if hasattr(dut, grant):
            getattr(dut, grant).value = 1
    dut.stall.value = dut.command__valid.value = dut.result__valid.value = 0
    dut.rst.value = 1
    for _ in range(2):
        await RisingEdge(dut.clk)
    dut.rst.value = 0

    log = {key: [] for key in ("writes", "trace", "done", "beats", "reads", "commands")}
    log["products"] = 0
    sent = {"command": 0, "result": 0}
    offered = {"command": False, "result": False}
    quiet = cycle = 0
    while quiet < IDLE_CYCLES:
        for stream, words in (("command", commands), ("result", results)):
            if (
                not offered[stream]
                and sent[stream] < len(words)
                and (chance.random() >= plan[f"{stream}_stall"])
            ):
                getattr(dut, f"{stream}__payload").value = words[sent[stream]]
                offered[stream] = True
            getattr(dut, f"{stream}__valid").value = int(offered[stream])
        dut.stall.value = int(chance.random() < plan["stall"])
        offer = chance.choice(products)
        for port, number in offer.items():
            if port != "total":
                getattr(dut, f"multipliers__{port}").value = number
        await RisingEdge(dut.clk)
        expected = offered_products.popleft()
        if expected is not None:
            assert dut.multipliers__total.value.to_unsigned() == expected, f"products, {cycle}"
            log["products"] += 1
        offered_products.append(None if taken else offer["total"])
        taken = bool(dut.multipliers__taken.value)
        for stream in sent:
            if offered[stream] and getattr(dut, f"{stream}__ready").value:
                offered[stream] = False
                sent[stream] += 1
                if stream == "command":
                    log["commands"].append(cycle)
        quiet += 1
        if dut.busy.value:
            log["beats"].append(cycle)
            quiet = 0
        for name, request, address, data in readers:
            if request.value:
                where = address.value.to_unsigned()
                data.value = memories[name][where]
                log["reads"].append((cycle, name, where))
            else:
                data.value = chance.getrandbits(bits[name])
        for name, request, address, data, mask in writers:
            if request.value:
                where, value, parts = (s.value.to_unsigned() for s in (address, data, mask))
                log["writes"].append((cycle, name, where, f"{value:x}", f"{parts:x}"))
                quiet = 0
                if name in memories:
                    ones = (1 << value_bits[name]) - 1
                    for part in range(bits[name] // value_bits[name]):
                        if parts >> part & 1:
                            at = part * value_bits[name]
                            memories[name][where] = (
                                memories[name][where] & ~(ones << at) | value & ones << at
                            )
        if dut.done.value:
            log["done"].append(cycle)
        if dut.trace_valid.value:
            log["trace"].append(f"{dut.trace_beat.value.to_unsigned():x}")
        cycle += 1
        if len(log["done"]) < plan["done"]:
            quiet = 0
        assert cycle < plan["timeout_cycles"], (
            f"timed out: {sent['command']} commands and {sent['result']} results taken, "
            f"{len(log['done'])} of {plan['done']} done"
        )
    exchange.return_values(**log, results=sent["result"])
