"""Drives the memory port of AxiMemory in front of cocotbext-axi's memory; every beat compared."""

import itertools
import random

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiRam, AxiSlave

from sim import exchange
from sim.testbenches.memory_plan import expected

SIZE = 1 << 20


def pauses(chance: random.Random, share: float):
    """For each cycle whether a channel pauses."""
    return (chance.random() < share for _ in itertools.count())


def pause_memory(ram: AxiRam, chance: random.Random, share: float) -> None:
    """Pauses every channel of a memory in so many of all cycles."""
    for channel in (
        ram.write_if.aw_channel,
        ram.write_if.w_channel,
        ram.write_if.b_channel,
        ram.read_if.ar_channel,
        ram.read_if.r_channel,
    ):
        channel.set_pause_generator(pauses(chance, share))


class Broken:
    """A memory that answers with an error, and with zeros."""

    async def read(self, address: int, length: int) -> bytes:
        """Never succeeds."""
        raise IndexError(address)


@cocotb.test()
async def bursts(dut) -> None:
    """Bursts (write, address, beats) of the port, with random pauses on all sides."""
    plan = exchange.parameters()
    chance = random.Random(plan["seed"])
    for name in ("valid", "payload"):
        getattr(dut, f"port__request__{name}").value = 0
        getattr(dut, f"port__write__{name}").value = 0
    dut.port__read__ready.value = 0
    bus = AxiBus.from_prefix(dut, "axi_")
    if plan["broken"]:
        ram = AxiSlave(bus, dut.clk, dut.rst, target=Broken())
    else:
        ram = AxiRam(bus, dut.clk, dut.rst, size=SIZE)
    if plan["pause"]:
        pause_memory(ram, chance, plan["pause"])
    bursts = [tuple(burst) for burst in plan["bursts"]]
    writes, reads, contents = expected(bursts, chance)

    edge = RisingEdge(dut.clk)
    dut.rst.value = 1
    for _ in range(3):
        await edge
    dut.rst.value = 0
    accepted = read = written = 0
    last = 0
    writing = False
    for cycle in range(plan["timeout_cycles"]):
        if accepted < len(bursts):
            write, address, beats = bursts[accepted]
            dut.port__request__payload.value = beats << 33 | address << 1 | write
        offering = accepted < len(bursts)
        dut.port__request__valid.value = int(offering)
        # What is offered stays; a beat read is taken or not.
        writing = written < len(writes) and (writing or chance.random() >= plan["pause"])
        if writing:
            dut.port__write__payload.value = writes[written]
        dut.port__write__valid.value = int(writing)
        taking = chance.random() >= plan["pause"]
        dut.port__read__ready.value = int(taking)
        await edge
        if offering and dut.port__request__ready.value:
            accepted += 1
        if writing and dut.port__write__ready.value:
            written, writing, last = written + 1, False, cycle
        if taking and dut.port__read__valid.value:
            assert read < len(reads), f"a beat too many in cycle {cycle}"
            data = dut.port__read__payload.value.to_unsigned()
            assert data == reads[read], f"beat {read}: {data:032x}, expected {reads[read]:032x}"
            read, last = read + 1, cycle
        if read == len(reads) and written == len(writes) and not int(dut.writing.value):
            break
    else:
        raise AssertionError(f"not done: {read}/{len(reads)} read, {written}/{len(writes)} written")
    for beat, value in contents.items():
        got = int.from_bytes(ram.read(plan["base"] + 16 * beat, 16), "little")
        assert got == value, f"beat {beat}: {got:032x} in memory, expected {value:032x}"
    exchange.return_values(cycles=last, error=bool(dut.error.value))
