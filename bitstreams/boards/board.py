"""What a board is: a platform, a device, the configuration on it, and a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.build import Platform
from amaranth.hdl import Elaboratable

from bitstreams.device import Device
from hw.memory.sdram import SdramChip
from hw.spec.configuration import Configuration


@dataclass(frozen=True)
class Sdram:
    """An SDRAM chip on the board, clocked `ratio` times in a cycle of the accelerator's."""

    chip: SdramChip
    ratio: int


@dataclass(frozen=True)
class OnChip:
    """Block RAM in place of external memory, so many beats of 128 bits."""

    beats: int


@dataclass(frozen=True)
class Board:
    """A row of the table of boards.

    Parameters
    ----------
    name : str
        What ``BOARD=`` is.
    device : Device
        What must hold the netlist.
    platform : callable
        Makes the platform: pins, I/O standards, nextpnr's options.
    top : callable
        Makes the design from this board.
    configuration : Configuration
        Accelerator on it.
    clock_hz : int
        Clock of the accelerator that the PLL is set to.
    baud : int
        Of the UART.
    memory : Sdram or OnChip
        Behind the accelerator's memory port.
    loader : str
        Its name for openFPGALoader.
    models : tuple of str
        Models whose cycles are reported.
    seeds : tuple of int
        Of the placements of its report, in its order, which are known to route: with others the
        router may not end.
    planned : bool
        Whether block RAMs and multipliers get their sites from `bitstreams.floorplan`.
    """

    name: str
    device: Device
    platform: Callable[[], Platform]
    top: Callable[[Board], Elaboratable]
    configuration: Configuration
    clock_hz: int
    baud: int
    memory: Sdram | OnChip
    loader: str
    models: tuple[str, ...]
    seeds: tuple[int, ...] = (1,)
    planned: bool = False

    @property
    def memory_hz(self) -> int:
        """Clock of the memory."""
        return self.clock_hz * (self.memory.ratio if isinstance(self.memory, Sdram) else 1)

    @property
    def folder(self) -> str:
        """Name of its folder of reports."""
        return self.name.replace("-", "_")


class BoardError(ValueError):
    """An unknown board; lists the known ones."""
