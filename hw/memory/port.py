"""Connects the ports of a memory block to a MemoryRead and a MemoryWrite."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib.memory import Memory


def add_memory(m: Module, name: str, words: int, bits: int, parts: int, read, write) -> None:
    """Adds a block of `words` x `bits` to `m`, with one read and one masked write port.

    The read port is not transparent and its address is never out of range: both mean something
    else in some vendors' block RAM than in simulation.  A read that meets a write to its word in
    the same cycle therefore gives either content.
    """
    block = Memory(shape=bits, depth=words, init=[])
    setattr(m.submodules, name, block)
    reads = block.read_port(domain="sync", transparent_for=())
    writes = block.write_port(domain="sync", granularity=bits // parts)
    m.d.comb += [
        reads.addr.eq(read.address),
        reads.en.eq(read.request),
        writes.addr.eq(write.address),
        writes.data.eq(write.data),
        writes.en.eq(write.mask & write.request.replicate(parts)),
        write.grant.eq(1),
    ]
    m.d.comb += [read.grant.eq(1), read.data.eq(reads.data)]
