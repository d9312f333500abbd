"""Connects the ports of a memory block to a MemoryRead and a MemoryWrite."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory


def add_memory(
    m: Module, name: str, words: int, bits: int, parts: int, read, write, *, holds: bool = True
) -> None:
    """Adds a block of `words` x `bits` to `m`, with one read and one masked write port.

    Data stay until the next read; or, unless it `holds`, for the cycle after the request only.

    Writes have a register of their own in front of the block, so that neither an arbiter nor a
    unit drives wires to every block RAM: a write lands a cycle after its grant.  Nothing notices.
    A unit reports `done` at the earliest in the cycle of its last grant; :class:`Dispatch` offers
    a command that waits for it a cycle later, and a unit reads for a command at the earliest in
    the cycle after it took it: two cycles after the grant, when the write has landed.

    The read port is not transparent and its address is never out of range: both mean something
    else in some vendors' block RAM than in simulation.  A read that meets the write of its word as
    it lands therefore gives either content.  `bitstreams.netlist` tells Yosys so, by the block's
    name: it would otherwise add registers and multiplexers that keep the old content.
    """
    block = Memory(shape=bits, depth=words, init=[])
    setattr(m.submodules, f"either_{name}", block)
    reads = block.read_port(domain="sync", transparent_for=())
    writes = block.write_port(domain="sync", granularity=bits // parts)
    address = Signal.like(writes.addr, name=f"{name}_address", reset_less=True)
    data = Signal.like(writes.data, name=f"{name}_data", reset_less=True)
    mask = Signal(parts, name=f"{name}_mask")
    m.d.sync += [
        address.eq(write.address),
        data.eq(write.data),
        mask.eq(write.mask & write.request.replicate(parts)),
    ]
    m.d.comb += [
        reads.addr.eq(read.address),
        reads.en.eq(read.request if holds else 1),
        read.grant.eq(1),
        read.data.eq(reads.data),
        writes.addr.eq(address),
        writes.data.eq(data),
        writes.en.eq(mask),
        write.grant.eq(1),
    ]
