"""What the flow needs to know of a family of devices: tools, options, how cells count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from amaranth.build import Platform

CHAIN = "carry chain"
"""Counted beside the cells: a chain may take sites of its own where it begins and ends."""


@dataclass(frozen=True)
class Carry:
    """A carry cell, and the pins by which cells of a chain are joined."""

    cell: str
    into: str
    out: str


@dataclass(frozen=True)
class Family:
    """A family of devices and the open tools for it.

    Parameters
    ----------
    name : str
    nextpnr, packer : str
        Tools behind Yosys.
    synthesis : str
        Yosys commands from the design to mapped cells, with ``{top}``; what they keep of the
        hierarchy is flattened afterwards.
    files : tuple of Path
        What these commands read besides, from the folder that they run in.
    equal_cells : str
        Yosys's own models of the cells, for proofs.
    cells : Path
        Our models of the cells, for simulation.
    pins : Path
        And of those between a board's pins and the design.
    sites : mapping
        Cell of the netlist, or `CHAIN`, to the LUT sites that it takes.
    resources : mapping
        ``ff``, ``bram`` and ``dsp`` to the cells that take one each.
    drivers : mapping
        LUTs and flip-flops that may be copied, to their output.
    carry : Carry
    used : mapping
        Resource to nextpnr's names of the sites that it takes after packing.
    columns : mapping
        Column of the table of areas to its cells; `columns_note` says what they take.
    columns_note : str
    constraints : str
        Suffix of the file of pins that Amaranth writes.
    bitstream : str
        Suffix of the bitstream.
    place : callable
        ``place(platform, name, netlist, seed, clock_hz)``: nextpnr's options, and its output, the
        packer's input.
    pack : callable
        ``pack(platform, placed, bitstream)``: the packer's options.
    untimed : str
        Paths of which nextpnr has no delays, in words: reports say so.
    """

    name: str
    nextpnr: str
    packer: str
    synthesis: str
    files: tuple[Path, ...]
    equal_cells: str
    cells: Path
    pins: Path
    sites: Mapping[str, int]
    resources: Mapping[str, tuple[str, ...]]
    drivers: Mapping[str, str]
    carry: Carry
    used: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, ...]]
    columns_note: str
    constraints: str
    bitstream: str
    place: Callable[[Platform, str, str, int, float], tuple[list[str], str]]
    pack: Callable[[Platform, str, str], list[str]]
    untimed: str = ""


MODELS = Path(__file__).parent.parent / "cells"
"""Folder of our models of cells."""
