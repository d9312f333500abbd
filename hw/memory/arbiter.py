"""Fixed-priority arbiters: several clients in front of one memory port."""

from __future__ import annotations

from amaranth.hdl import Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import MemoryRead, MemoryWrite
from hw.spec.configuration import Configuration


class ReadArbiter(wiring.Component):
    """Shares a memory's read port: the least-numbered client that requests is granted.

    ``client[i]`` sees ``grant`` while no client before it requests, so client 0 always does.  A
    grant depends only on the requests of clients before.

    Latency 0 (data comes a cycle after the grant); one read a cycle.  A client that is not granted
    holds its request.  No golden partner.  Validated for 2 to 4 clients, all request patterns
    at random.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes (the port's sizes are in `signature`).
    signature : MemoryRead
        Port of each client and of the memory.
    clients : int
        Number of clients, at least 1.

    Members
    -------
    client : In(MemoryRead) x clients
        Clients, highest priority first.
    memory : Out(MemoryRead)
        The memory's read port, which always grants.
    """

    def __init__(self, configuration: Configuration, signature: MemoryRead, clients: int) -> None:
        super().__init__({"client": In(signature).array(clients), "memory": Out(signature)})

    def elaborate(self, platform):
        m = Module()
        taken = Const(0, 1)
        for client in self.client:
            m.d.comb += [client.grant.eq(~taken), client.data.eq(self.memory.data)]
            taken = taken | client.request
        m.d.comb += self.memory.request.eq(taken)
        # Later assignments win: client 0 is last.
        for index, client in reversed(list(enumerate(self.client))):
            last = index == len(self.client) - 1
            with m.If(Const(1, 1) if last else client.request):
                m.d.comb += self.memory.address.eq(client.address)
        return m


class WriteArbiter(wiring.Component):
    """Shares a memory's write port: the least-numbered client that requests is granted.

    ``client[i]`` sees ``grant`` while no client before it requests, so client 0 always does.  A
    grant depends only on the requests of clients before.

    Latency 0; one write a cycle.  A client that is not granted holds its request, address, data
    and mask.  No golden partner.  Validated for 2 to 4 clients, all request patterns at random.

    Parameters
    ----------
    configuration : Configuration
        The accelerator's sizes (the port's sizes are in `signature`).
    signature : MemoryWrite
        Port of each client and of the memory.
    clients : int
        Number of clients, at least 1.

    Members
    -------
    client : In(MemoryWrite) x clients
        Clients, highest priority first.
    memory : Out(MemoryWrite)
        The memory's write port, which always grants.
    """

    def __init__(self, configuration: Configuration, signature: MemoryWrite, clients: int) -> None:
        super().__init__({"client": In(signature).array(clients), "memory": Out(signature)})

    def elaborate(self, platform):
        m = Module()
        taken = Const(0, 1)
        for client in self.client:
            m.d.comb += client.grant.eq(~taken)
            taken = taken | client.request
        m.d.comb += self.memory.request.eq(taken)
        for index, client in reversed(list(enumerate(self.client))):
            last = index == len(self.client) - 1
            with m.If(Const(1, 1) if last else client.request):
                m.d.comb += [
                    self.memory.address.eq(client.address),
                    self.memory.data.eq(client.data),
                    self.memory.mask.eq(client.mask),
                ]
        return m
