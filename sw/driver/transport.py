"""The way to one device: its memory, its registers, and start and done.  No network is known here.

A transport moves what it is told to and reports what it sees; the checks (identity, results, order)
are the handle's, :class:`sw.driver.device.Device`, so that they are the same for every transport.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hw.spec.commands import Engine
from hw.spec.configuration import CONFIGURATIONS, Configuration
from hw.spec.digest import contract_digest
from hw.spec.registers import IDENTITY
from sw.compiler.packed import PackedNetwork

if TYPE_CHECKING:
    from sw.compiler.schedule import NetworkProgram

BUSY, DONE = 1, 2
"""Bits of the register ``status``."""


@dataclass(frozen=True)
class Identity:
    """Who a device says it is: its registers of these names.

    Parameters
    ----------
    contract, configuration : int
        First 32 bits of the contract's and the configuration's digest.
    geometry : int
        ``rows | columns << 8 | lanes << 16 | pool_lanes << 24``.
    identity : int
        :data:`hw.spec.registers.IDENTITY` in every accelerator of this project.
    rtl : str
        Digest of the gateware, hex; empty where there is none or the device cannot know it.
    """

    contract: int
    configuration: int
    geometry: int
    identity: int
    rtl: str = ""


def expected_identity(configuration: Configuration) -> Identity:
    """What a device of `configuration`, made from this contract, answers (any gateware digest)."""
    c = configuration
    return Identity(
        contract=int(contract_digest()[:8], 16),
        configuration=int(c.digest[:8], 16),
        geometry=c.rows | c.columns << 8 | c.lanes << 16 | c.pool_lanes << 24,
        identity=IDENTITY,
    )


def configuration_of(got: Identity) -> Configuration | None:
    """The known configuration that a device says it is of."""
    for configuration in CONFIGURATIONS.values():
        if got.configuration == int(configuration.digest[:8], 16):
            return configuration
    return None


def first_unequal(got: np.ndarray, expected: np.ndarray) -> int | None:
    """Index of the first beat in which two arrays (n, 2) differ; None if they are equal."""
    unequal = (got != expected).any(axis=1)
    return int(unequal.argmax()) if unequal.any() else None


class Transport(Protocol):
    """One open device.  Every method may raise :class:`~sw.driver.errors.DriverError`.

    A beat is 128 bits of external memory, in Python two uint64, the low word first; addresses
    count beats.
    """

    def identity(self) -> Identity:
        """Reads the identifying registers; starts nothing and writes nothing."""

    def write(self, beat: int, beats: np.ndarray) -> None:
        """Writes uint64 (n, 2) to external memory from address `beat` on."""

    def read(self, beat: int, n: int) -> np.ndarray:
        """External memory from address `beat` on, uint64 (n, 2)."""

    def first_difference(self, beat: int, beats: np.ndarray) -> int | None:
        """Index of the first of `beats` that memory from address `beat` on does not hold."""

    def start(self, program_beat: int) -> None:
        """Starts the program at that address; returns at once."""

    def wait(self, timeout_cycles: int) -> None:
        """Returns when the program is done.

        Raises
        ------
        DeviceTimeout
            After `timeout_cycles` clock cycles of the device since start.
        """

    def registers(self) -> dict[str, int]:
        """Every register of :data:`hw.spec.registers.REGISTERS` by name; counters since start."""

    def completions(self) -> list[tuple[int, Engine, int]]:
        """(cycle, engine, tag) of every command of the last program, in order of time.

        Empty where the device does not show them.
        """

    def tensors(
        self, program: NetworkProgram, packed: PackedNetwork
    ) -> dict[str, np.ma.MaskedArray]:
        """What the units showed of `program`'s last run, as :meth:`Accelerator.trace` names it.

        Raises
        ------
        DriverError
            For a device that shows nothing of its inside.
        """

    def reset(self) -> None:
        """Stops any program and clears the registers; external memory stays as it is or not."""

    def close(self) -> None:
        """Gives the device back; again does nothing."""
