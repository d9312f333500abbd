"""Give the pooling unit commands and memories; grant at random; collect what it writes.

Parameters (see `sim.exchange.parameters`):

``x``, ``parameters``   hexadecimal words of the memories;
``commands``            pairs of ``grid`` or ``branch`` and a hexadecimal record;
``deny``, ``stall``     chances, a cycle, that a port is not granted, that ``stall`` is high.
"""

import random
from collections import deque

import cocotb
from cocotb.triggers import RisingEdge

from sim import exchange

TIMEOUT_CYCLES = 60_000
QUIET_CYCLES = 80


class ReadPort:
    """A memory's read port: data in the cycle after the grant only, else nonsense."""

    def __init__(self, dut, name: str, words: list[str], chance: random.Random) -> None:
        self._words, self._chance = [int(word, 16) for word in words], chance
        self._request, self._grant, self._data, self._address = (
            getattr(dut, f"{name}__{part}") for part in ("request", "grant", "data", "address")
        )
        self._bits = len(self._data)
        self.cycles: list[int] = []

    def drive(self, deny: float) -> None:
        """Grant, or not, in the coming cycle."""
        self._grant.value = int(self._chance.random() >= deny)

    def sample(self, cycle: int) -> None:
        """Answer the request of the cycle that has ended."""
        if self._request.value and self._grant.value:
            self._data.value = self._words[self._address.value.to_unsigned()]
            self.cycles.append(cycle)
        else:
            self._data.value = self._chance.getrandbits(self._bits)


@cocotb.test()
async def pooling_unit(dut) -> None:
    """Run all commands, then wait until nothing has moved for a while."""
    plan = exchange.parameters()
    chance = random.Random(plan["seed"])
    edge = RisingEdge(dut.clk)
    x = ReadPort(dut, "x", plan["x"], chance)
    parameter = ReadPort(dut, "parameter", plan["parameters"], chance)
    write = {part: getattr(dut, f"u_write__{part}")
             for part in ("request", "grant", "address", "data", "mask")}  # fmt: skip
    inputs = {kind: {part: getattr(dut, f"{kind}__{part}")
                     for part in ("valid", "ready", "payload")}
              for kind in ("grid", "branch")}  # fmt: skip
    for stream in inputs.values():
        stream["valid"].value = 0
    for grant in (dut.x__grant, dut.parameter__grant, write["grant"], dut.stall):
        grant.value = 0
    dut.rst.value = 1
    for _ in range(3):
        await edge
    dut.rst.value = 0

    commands = deque((kind, int(word, 16)) for kind, word in plan["commands"])
    kind, offered, given = None, False, 0
    writes, done, traces, accepted = [], [], {"branch": [], "grid": []}, []
    busy = cycle = moved = 0
    while commands or len(done) < given or cycle - moved < QUIET_CYCLES:
        if not offered and commands and (commands[0][0] == kind or len(done) == given):
            kind = commands[0][0]
            inputs[kind]["payload"].value = commands[0][1]
            inputs[kind]["valid"].value = 1
            offered = True
        for port in (x, parameter):
            port.drive(plan["deny"])
        write["grant"].value = int(chance.random() >= plan["deny"])
        dut.stall.value = int(chance.random() < plan["stall"])
        await edge
        reads = len(x.cycles)
        for port in (x, parameter):
            port.sample(cycle)
        assert bool(dut.busy.value) == (len(x.cycles) > reads)
        if offered and inputs[kind]["ready"].value:
            commands.popleft()
            inputs[kind]["valid"].value = 0
            offered = False
            given += 1
            accepted.append(cycle)
        if write["request"].value and write["grant"].value:
            assert write["mask"].value.to_unsigned() == (1 << plan["lanes"]) - 1
            data = write["data"].value.to_unsigned()
            writes.append([cycle, write["address"].value.to_unsigned(), f"{data:x}"])
            moved = cycle
        if dut.done.value:
            done.append(cycle)
        for name, shown in traces.items():
            if getattr(dut, f"trace_{name}_valid").value:
                shown.append(f"{getattr(dut, f'trace_{name}').value.to_unsigned():x}")
        busy += int(dut.busy.value)
        cycle += 1
        assert cycle < TIMEOUT_CYCLES, (
            f"no end: {len(commands)} commands left, {given} given, {len(done)} done, "
            f"{len(writes)} writes"
        )
    exchange.return_values(
        writes=writes, done=done, traces=traces, accepted=accepted, busy=busy, reads=x.cycles
    )
