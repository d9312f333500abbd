"""Memory behind its port, alone and shared: random bursts against a dictionary."""

import random
from itertools import pairwise

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, connect, flipped

from hw.interfaces import MemoryPort
from hw.system import OnChipMemory
from hw.system.share import PortShare
from sim.component import simulate_component
from sw.cycles.memory import PRESETS

BEATS = 64


class Shared(wiring.Component):
    """Two clients at one memory, as in System."""

    def __init__(self):
        super().__init__({"client": In(MemoryPort()).array(2)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.share = share = PortShare()
        m.submodules.memory = memory = OnChipMemory(BEATS)
        for mine, client in zip(self.client, share.client, strict=True):
            connect(m, flipped(mine), client)
        connect(m, share.memory, memory.port)
        return m


def bursts(seed, first, size, number):
    """Random bursts in beats first to first + size - 1: streams, and what the reads give."""
    chance = random.Random(seed)
    content = {}
    requests, written, read = [], [], []
    for at in range(first, first + size):  # all is written before it is read
        content[at] = chance.getrandbits(128)
        written.append(content[at])
    requests.append({"write": 1, "address": first, "beats": size})
    for _ in range(number):
        beats = chance.choice([1, 1, 2, 5, chance.randint(1, size)])
        address = first + chance.randint(0, size - beats)
        write = chance.randrange(2)
        requests.append({"write": write, "address": address, "beats": beats})
        for at in range(address, address + beats):
            if write:
                content[at] = chance.getrandbits(128)
                written.append(content[at])
            else:
                read.append(content[at])
    columns = {name: [r[name] for r in requests] for name in ("write", "address", "beats")}
    return columns, written, read


@pytest.mark.parametrize("stall", ["none", "random"])
@pytest.mark.parametrize("beats", [BEATS, 3584])  # one bank, and three
def test_on_chip_memory(beats, stall):
    requests, written, read = bursts(1, 0, beats, 60)
    got = simulate_component(
        OnChipMemory(beats), f"on_chip_memory_{beats}",
        {"port__request": requests, "port__write": written},
        expect={"port__read": len(read)}, stall=stall,
    )  # fmt: skip
    assert got["port__read"].tolist() == read
    if stall == "none":
        taken = got.accepted["port__request"]
        reads = [i for i, write in enumerate(requests["write"]) if not write]
        first = dict(zip(reads, firsts(requests, reads), strict=True))
        latency = PRESETS["on-chip"].latency
        assert all(got.cycles["port__read"][first[i]] == taken[i] + latency for i in reads)
        gaps = [b - a for a, b in pairwise(taken)]
        assert gaps == requests["beats"][:-1]  # a beat a cycle, bursts without a gap


def firsts(requests, reads):
    """Index of the first beat of every read burst."""
    at = 0
    for i in reads:
        yield at
        at += requests["beats"][i]


@pytest.mark.parametrize("stall", ["none", "source", "sink", "random"])
def test_share(stall):
    clients = [bursts(2, 0, 24, 80), bursts(3, 24, 40, 80)]
    inputs, expect = {}, {}
    for i, (requests, written, read) in enumerate(clients):
        inputs |= {f"client__{i}__request": requests, f"client__{i}__write": written}
        expect[f"client__{i}__read"] = len(read)
    got = simulate_component(Shared(), "shared_port", inputs, expect=expect, stall=stall, seed=4)
    for i, (_, _, read) in enumerate(clients):
        assert got[f"client__{i}__read"].tolist() == read
    if stall == "none":  # the first client never waits for a choice
        ends = [got.accepted[f"client__{i}__request"][-1] for i in range(2)]
        assert ends[0] < ends[1]


def test_a_size_that_no_address_has_is_refused():
    with pytest.raises(ValueError, match="beats=48 is neither a multiple of 512 nor a power"):
        OnChipMemory(48)
    with pytest.raises(ValueError, match="beats=0 "):
        OnChipMemory(0)
