"""Memories behind their arbiters, against dictionaries."""

import random
from dataclasses import replace
from itertools import accumulate

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

from hw.interfaces import (
    MemoryWrite,
    column_read,
    column_write,
    parameter_read,
    parameter_write,
    row_read,
    row_write,
    u_read,
    u_write,
    x_read,
    x_write,
)
from hw.memory import (
    ColumnMemory,
    ParameterMemory,
    ReadArbiter,
    RowMemory,
    ValueMemory,
    WriteArbiter,
)
from hw.memory.banks import bank_sizes
from hw.spec import find_configuration
from hw.spec.configuration import ConfigurationError
from sim.build import build_simulator, verilog
from sim.run import run_testbench

CYCLES = 1500
MEMORIES = {
    # memory, read signature, write signature, reading clients, writing clients
    "x": (lambda c: ValueMemory(c, c.x_words), x_read, x_write, 4, 2),
    "u": (lambda c: ValueMemory(c, c.u_words), u_read, u_write, 3, 3),
    "column": (ColumnMemory, column_read, column_write, 1, 2),
    "parameter": (ParameterMemory, parameter_read, parameter_write, 3, 1),
}


class Shared(wiring.Component):
    """A memory with its arbiters, as the accelerator has it."""

    def __init__(self, c, kind):
        self._c, self._kind = c, kind
        _, read, write, readers, writers = MEMORIES[kind]
        super().__init__({"read": In(read(c)).array(readers), "write": In(write(c)).array(writers)})

    def elaborate(self, platform):
        m = Module()
        c = self._c
        memory, read, write, readers, writers = MEMORIES[self._kind]
        m.submodules.memory = memory = memory(c)
        m.submodules.reads = reads = ReadArbiter(c, read(c), readers)
        m.submodules.writes = writes = WriteArbiter(c, write(c), writers)
        for mine, client in zip(self.read, reads.client, strict=True):
            connect(m, flipped(mine), client)
        for mine, client in zip(self.write, writes.client, strict=True):
            connect(m, flipped(mine), client)
        connect(m, reads.memory, memory.read)
        connect(m, writes.memory, memory.write)
        return m


def simulate(component, inputs, outputs):
    simulator = build_simulator({"top.v": verilog(component, "top")}, "top")
    got = run_testbench(
        simulator,
        "sim.testbenches.cycles",
        parameters={
            "inputs": {k: [f"{v:x}" for v in values] for k, values in inputs.items()},
            "outputs": outputs,
        },
    )
    return {k: [int(v, 16) for v in values] for k, values in got.values["outputs"].items()}


def stimulus(chance, ports, signature, addresses):
    """Random requests on client ports, few addresses so that reads meet writes."""
    members = signature.members
    inputs = {}
    for port in ports:
        inputs[f"{port}__request"] = [int(chance.random() < 0.6) for _ in range(CYCLES)]
        inputs[f"{port}__address"] = [chance.choice(addresses) for _ in range(CYCLES)]
        if isinstance(signature, MemoryWrite):
            for name in ("data", "mask"):
                bits = members[name].shape
                inputs[f"{port}__{name}"] = [chance.getrandbits(bits) for _ in range(CYCLES)]
    return inputs


def winner(inputs, ports, cycle):
    """The first of `ports` that requests, and which are granted."""
    first = next((p for p in ports if inputs[f"{p}__request"][cycle]), None)
    grants = {
        p: not any(inputs[f"{q}__request"][cycle] for q in ports[:i]) for i, p in enumerate(ports)
    }
    return first, grants


def merge(old, data, mask, parts, bits):
    size = bits // parts
    for part in range(parts):
        if mask >> part & 1:
            field = (1 << size) - 1 << part * size
            old = old & ~field | data & field
    return old


BANKS = {"x_words": 3584, "u_words": 1536, "column_words": 1536, "parameter_words": 2560}
"""Sizes of two and three banks."""


@pytest.mark.parametrize("name", ["3x4x64-l8", "7x16x64-l32", "banks"])
@pytest.mark.parametrize("kind", list(MEMORIES))
def test_shared_memory(name, kind):
    c = find_configuration("3x4x64-l8" if name == "banks" else name)
    if name == "banks":
        c = replace(c, **BANKS)
    _, read, write, readers, writers = MEMORIES[kind]
    read, write = read(c), write(c)
    chance = random.Random(f"{name} {kind}")
    words = c.memories()[kind][0]
    bits, parts = read.members["data"].shape, write.members["mask"].shape
    first = [0, *accumulate(bank_sizes(words))]  # of every bank, and behind the last
    addresses = {0, 1, *first[:-1], *(at - 1 for at in first[1:]), chance.randrange(words)}
    addresses = sorted(addresses)
    reads = [f"read__{i}" for i in range(readers)]
    writes = [f"write__{i}" for i in range(writers)]
    inputs = stimulus(chance, reads, read, addresses) | stimulus(chance, writes, write, addresses)
    got = simulate(
        Shared(c, kind),
        inputs,
        [f"{p}__grant" for p in reads + writes] + [f"{p}__data" for p in reads],
    )
    content, expected, compared, lands = {}, None, 0, None
    for cycle in range(CYCLES):
        if expected is not None:
            assert got[f"{expected[0]}__data"][cycle] == expected[1], (cycle, expected)
            compared += 1
        reader, read_grants = winner(inputs, reads, cycle)
        writer, write_grants = winner(inputs, writes, cycle)
        for port, grant in (read_grants | write_grants).items():
            assert got[f"{port}__grant"][cycle] == grant, (cycle, port)
        expected = None
        at = inputs[f"{writer}__address"][cycle] if writer else None
        if reader:
            address = inputs[f"{reader}__address"][cycle]
            # A read that meets a write gives either content; a write lands a cycle later.
            if address not in (at, lands):
                expected = (reader, content.get(address, 0))
        lands = at
        if writer:
            content[at] = merge(
                content.get(at, 0),
                inputs[f"{writer}__data"][cycle],
                inputs[f"{writer}__mask"][cycle],
                parts,
                bits,
            )
    assert compared > CYCLES // 4


def test_banks_are_powers_of_two_that_add_up():
    assert bank_sizes(6656) == [4096, 2048, 512]
    assert bank_sizes(64) == [64]


@pytest.mark.parametrize(
    ("member", "words", "rule"),
    [
        ("x_words", 700, "neither a multiple of 512"),
        ("row_words", 8704, "neither a multiple of 512"),
        ("parameter_words", 8, "neither a multiple of 512"),
        ("score_words", 1536, "not a power of two"),
    ],
)
def test_a_size_that_no_memory_has_is_refused(member, words, rule):
    with pytest.raises(ConfigurationError, match=f"{member}={words} is {rule}"):
        replace(find_configuration("3x4x64-l8"), **{member: words})


@pytest.mark.parametrize("name", ["3x4x64-l8", "7x16x64-l32"])
def test_row_memory(name):
    c = find_configuration(name)
    chance = random.Random(name)
    addresses = [0, 1, c.row_words - 1, c.row_words // 2]
    writes = [f"write__{i}" for i in range(c.rows)]
    inputs = stimulus(chance, ["read"], row_read(c), addresses)
    for port in writes:
        inputs |= stimulus(chance, [port], row_write(c), addresses)
    got = simulate(RowMemory(c), inputs, ["read__data"])["read__data"]
    content, expected = {}, None
    for cycle in range(CYCLES):
        for slot, value in (expected or {}).items():
            assert got[cycle] >> 64 * slot & (1 << 64) - 1 == value, (cycle, slot)
        expected = None
        if inputs["read__request"][cycle]:
            at = inputs["read__address"][cycle]
            expected = {
                slot: content.get((slot, at), 0)
                for slot, port in enumerate(writes)
                if not any(
                    inputs[f"{port}__request"][t] and inputs[f"{port}__address"][t] == at
                    for t in range(max(0, cycle - 1), cycle + 1)
                )
            }
        for slot, port in enumerate(writes):
            if inputs[f"{port}__request"][cycle]:
                key = slot, inputs[f"{port}__address"][cycle]
                content[key] = merge(
                    content.get(key, 0),
                    inputs[f"{port}__data"][cycle],
                    inputs[f"{port}__mask"][cycle],
                    64 // c.lanes,
                    64,
                )
