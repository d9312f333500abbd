"""A memory of a size that is no power of two: banks of block RAM that are."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.memory import Memory


def bank_sizes(words: int) -> list[int]:
    """Powers of two, falling, that add up to `words`."""
    return [1 << bit for bit in reversed(range(words.bit_length())) if words >> bit & 1]


def add_banks(
    m: Module, name: str, words: int, read, enable: Value, address: Value, data: Value, mask: Value
) -> None:
    """Adds a block of `words` to `m`, in as many banks as the size has ones.

    Each bank is a power of two and the next one smaller, so that a memory takes the block RAMs that
    its words need, with a multiplexer behind them where it has several banks.  Addresses from
    `words` on must not be used.

    Banks are never transparent: that means something else in some vendors' block RAM than in
    simulation.  A read that meets the write of its word therefore gives either content.
    `bitstreams.netlist` tells Yosys so, by the banks' names: it would otherwise add registers and
    multiplexers that keep the old content.

    Parameters
    ----------
    read : MemoryRead
        Always granted; its data come a cycle later, and stay until `enable` is high again.
    address, data, mask : Value
        What is written in a cycle, with a mask bit for each part of the word.
    """
    sizes, start, shows = bank_sizes(words), 0, []
    for i, size in enumerate(sizes):
        bank = Memory(shape=len(data), depth=size, init=[])
        several = f"{i}" if len(sizes) > 1 else ""
        m.submodules[f"either_{name}{several}"] = bank
        reads = bank.read_port(domain="sync", transparent_for=())
        writes = bank.write_port(domain="sync", granularity=len(data) // len(mask))
        # All banks read, so that nothing is in front of their enables.  Statements of a single bank
        # stand in the order that they had in routed boards, whose netlists so stay as they are.
        m.d.comb += [reads.addr.eq(read.address), reads.en.eq(enable)]
        if not several:
            m.d.comb += [read.grant.eq(1), read.data.eq(reads.data)]
        m.d.comb += [writes.addr.eq(address), writes.data.eq(data)]
        if not several:
            m.d.comb += writes.en.eq(mask)
            return
        # Whoever came before is larger and a power of two: `start` is a multiple of `size`.
        inside = size.bit_length() - 1
        here, shown = Signal(name=f"{name}_here{i}"), Signal(name=f"{name}_shown{i}")
        m.d.comb += [
            here.eq(address[inside:] == start >> inside),
            writes.en.eq(mask & here.replicate(len(mask))),
        ]
        with m.If(enable):
            m.d.sync += shown.eq(read.address[inside:] == start >> inside)
        shows.append((shown, reads.data))
        start += size
    # The last bank is shown where no other is; later assignments win.
    m.d.comb += [read.grant.eq(1), read.data.eq(shows[-1][1])]
    for shown, of_bank in shows[:-1]:
        with m.If(shown):
            m.d.comb += read.data.eq(of_bank)
