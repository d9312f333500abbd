"""Connects the ports of a memory block to a MemoryRead and a MemoryWrite."""

from __future__ import annotations

from amaranth.hdl import C, Module, Signal

from hw.memory.banks import add_banks


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

    A read that meets the write of its word as it lands gives either content
    (:func:`hw.memory.banks.add_banks`); its address is never out of range.
    """
    address = Signal((words - 1).bit_length(), name=f"{name}_address", reset_less=True)
    data = Signal(bits, name=f"{name}_data", reset_less=True)
    mask = Signal(parts, name=f"{name}_mask")
    m.d.sync += [
        address.eq(write.address),
        data.eq(write.data),
        mask.eq(write.mask & write.request.replicate(parts)),
    ]
    enable = read.request if holds else C(1)
    add_banks(m, name, words, read, enable, address, data, mask)
    m.d.comb += write.grant.eq(1)
