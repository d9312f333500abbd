"""The handle of a device behind a transport: identity, memory, start, wait, a checked result.

A result belongs to its picture
-------------------------------
A transport can lose or delay anything, and external memory still holds the result of the picture
before.  So every run of the program, of a picture or a batch, has a sequence number, and before it
starts each beat of the result region is overwritten with a *mark* made of that number.  Picture and
mark are read back. After the program is done every beat must be another than its mark: then it was
written after the mark was there, by this run, from this picture.  A beat that keeps its mark was
not written, or was written with just these 128 bits.  Such a picture is run once more with the next
number, whose mark differs in every beat: a result cannot equal both, so a mark that stays again is
an error and never a false alarm.

After an error the device may still be writing: nothing runs until :meth:`Device.reset`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from hw.spec.configuration import Configuration
from sw.compiler.packed import PackedNetwork
from sw.driver.accelerator import Accelerator
from sw.driver.errors import DeviceError, DriverError, IdentityError
from sw.driver.transport import BUSY, Identity, Transport, configuration_of, expected_identity

if TYPE_CHECKING:
    from hw.spec.commands import Engine
    from sw.compiler.schedule import NetworkProgram

TIMEOUT_FACTOR = 100
TIMEOUT_CYCLES = 200_000
"""A picture may take so many times its bound, and so many cycles more: only a device that hangs
does, whatever its memory's latency."""
MARK = 0x4D41524B
"""The letters MARK, upper half of a mark's low word."""


def mark(sequence: int, beats: int) -> np.ndarray:
    """What stands in the result region until run `sequence` has written it: uint64 (beats, 2).

    Low word: MARK, then sequence modulo 2**32; high word: its complement, exclusive or the beat's
    number, so that no two beats are alike.
    """
    low = np.uint64(MARK << 32 | sequence & 0xFFFFFFFF)
    return np.stack([np.full(beats, low), ~low ^ np.arange(beats, dtype=np.uint64)], axis=1)


def check_identity(got: Identity, configuration: Configuration) -> None:
    """Compares what a device says of itself with what this software was made for.

    Raises
    ------
    IdentityError
        Naming the first register that differs, what was expected and what is there.
    """
    expected = expected_identity(configuration)
    own = configuration_of(got)
    open_it = (
        f"open it with {'the configuration that it was built with' if own is None else own.name}"
    )
    for name, remedy in (
        ("identity", "this is no accelerator of this project; check what is connected"),
        ("contract", "use gateware and software of one version, and pack the model again"),
        ("geometry", open_it),
        ("configuration", open_it),
    ):
        want, found = getattr(expected, name), getattr(got, name)
        if want != found:
            raise IdentityError(
                f"device: {name} register is {found:#010x}, expected {want:#010x} "
                f"({configuration.name}); {remedy}"
            )


class Device(Accelerator):
    """A network on a device.

    Parameters
    ----------
    configuration : Configuration
        What the device must be of.
    connect : callable
        Opens the transport for a configuration; called when the device is first needed.
    batch : int
        Pictures of a run of the program.
    """

    def __init__(
        self,
        configuration: Configuration,
        connect: Callable[[Configuration], Transport],
        batch: int = 1,
    ) -> None:
        super().__init__(configuration, batch)
        self.program: NetworkProgram | None = None
        self._connect = connect
        self._connection: Transport | None = None
        self._sequence = 0
        self._failed = False
        self._counters: dict[str, int] = {}

    @property
    def _transport(self) -> Transport:
        if self._connection is None:
            self._connection = self._connect(self.configuration)
        return self._connection

    def _load(self, packed: PackedNetwork) -> None:
        from sw.compiler.schedule import network_program

        self.program = network_program(packed, self.configuration, self.batch)
        self._send()

    def _send(self) -> None:
        """The network into external memory, once the device is known to be the right one.

        A program that a process left running, when it was ended, is stopped before.
        """
        check_identity(self._transport.identity(), self.configuration)
        if self._transport.registers()["status"] & BUSY:
            self._transport.reset()
        self._write(0, self.program.memory)

    def _run(self, images: np.ndarray) -> np.ndarray:
        logits = np.empty((len(images), self.program.classes), np.int64)
        try:
            for first in range(0, len(images), self.batch):
                some = images[first : first + self.batch]
                result = self._result(self.program.pictures(some))
                logits[first : first + len(some)] = self.program.batch_logits(result)[: len(some)]
                self._counters = self._transport.registers()
                self.cycles += [round(self._counters["cycles"] / len(some))] * len(some)
        except BaseException:  # an interrupt, too, leaves the device running
            self._failed = True
            raise
        return logits

    def _trace(self, images: np.ndarray) -> dict[str, np.ma.MaskedArray]:
        if self.batch > 1:
            raise DriverError(f"trace: shows one picture, not a batch={self.batch}; use batch=1")
        logits = self._run(images)
        shown = self._transport.tensors(self.program, self.packed)
        return shown | {"logits": np.ma.array(logits)}

    def _result(self, pictures: np.ndarray) -> np.ndarray:
        """Beats of the result region that the program wrote for these pictures.

        Where they are fewer than a batch, what lay behind them is computed too.
        """
        for _ in range(2):
            result, marked = self._attempt(pictures)
            stale = (result == marked).all(axis=1)
            if not stale.any():
                return result
        raise DeviceError(
            f"device: done, but {stale.sum()} of {len(stale)} beats of the result at beat "
            f"{self.program.result_address} were not written, twice; reset it"
        )

    def _attempt(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(result region, what it was marked with) of one run of the program."""
        program, transport = self.program, self._transport
        self._sequence += 1
        marked = mark(self._sequence, program.batch * program.result_beats)
        self._write(program.picture_address, pictures)
        self._write(program.result_address, marked)
        transport.start(program.start)
        transport.wait(timeout_cycles(program))
        return transport.read(program.result_address, len(marked)), marked

    def _write(self, beat: int, beats: np.ndarray) -> None:
        """Writes, and asks whether memory holds it."""
        self._transport.write(beat, beats)
        wrong = self._transport.first_difference(beat, beats)
        if wrong is not None:
            raise DeviceError(
                f"device: memory at beat {beat + wrong} does not hold what was written; check the "
                "memory and the connection"
            )

    def identity(self) -> Identity:
        """What the device answers, whether it is the right one or not."""
        self._check_open()
        return self._transport.identity()

    def counters(self) -> dict[str, int]:
        """Registers after the last picture; empty before the first."""
        return dict(self._counters)

    def completions(self) -> list[tuple[int, Engine, int]]:
        """(cycle, engine, tag) of every command of the last picture, where the device shows it."""
        self._check_open()
        return self._transport.completions()

    def reset(self) -> None:
        """Resets the device and sends the network again: its memory may not have survived."""
        self._check_open()
        self._transport.reset()
        if self.packed is not None:
            self._send()
        self._failed = False

    def close(self) -> None:
        """Gives the device back; again does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        super().close()

    def _check_usable(self) -> None:
        super()._check_usable()
        if self._failed:
            raise DriverError("device: the last run failed; call reset() first")


def timeout_cycles(program: NetworkProgram) -> int:
    """Clock cycles after which a run is given up."""
    least = sum(program.bound(operation) for operation in program.operations)
    return TIMEOUT_FACTOR * least + TIMEOUT_CYCLES
