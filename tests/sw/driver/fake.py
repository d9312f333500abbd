"""A device in Python: memory, registers and a function that stands for a program's run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np

from hw.spec import Configuration
from hw.spec.commands import Opcode
from hw.spec.registers import REGISTERS
from sw.compiler.schedule.program import bound
from sw.driver.errors import DeviceTimeout
from sw.driver.transport import BUSY, DONE, Identity, expected_identity, first_unequal

CYCLES = 1000
"""Cycles of the first run; each further one takes one more."""
PICTURE, RESULT, START, BEATS = 64, 200, 8, 256
"""First beats of the picture, the result and the program, and all beats of the network."""

OPERATION = SimpleNamespace(opcode=Opcode.LINEAR, macs=4096, elements=64)


@dataclass
class FakeProgram:
    """The smallest network program: logit j is (j + 1) times the sum of the picture's pixels."""

    configuration: Configuration
    size: int
    classes: int = 10
    start: int = START
    picture_address: int = PICTURE
    result_address: int = RESULT
    batch: int = 1
    words: list = field(default_factory=lambda: [0])
    usage: dict = field(default_factory=dict)
    operations: list = field(default_factory=lambda: [OPERATION])

    def __post_init__(self):
        self.picture_beats = self.size * self.size * 3 // 16
        self.result_beats = -(-self.classes // 4)
        self.memory = np.arange(2 * BEATS, dtype=np.uint64).reshape(BEATS, 2)

    @property
    def regions(self):
        sizes = {"picture": self.picture_beats, "result": self.result_beats}
        return {"weights": 9} | {name: self.batch * beats for name, beats in sizes.items()}

    def bound(self, operation):
        return bound(self.configuration, operation.macs, operation.elements)

    def picture(self, pixels):
        return np.ascontiguousarray(pixels).reshape(-1).view(np.uint64).reshape(-1, 2)

    def pictures(self, images):
        return np.concatenate([self.picture(pixels) for pixels in images])

    def batch_logits(self, beats):
        return np.stack([self.logits(part) for part in np.split(beats, self.batch)])

    def logits(self, beats):
        return beats.reshape(-1).view(np.int32)[: self.classes].astype(np.int64)

    def compute(self, memory, start):
        """What the device does from start to done."""
        assert start == self.start
        for n in range(self.batch):
            picture = memory[self.picture_address + n * self.picture_beats :][: self.picture_beats]
            total = int(np.ascontiguousarray(picture).view(np.uint8).sum())
            logits = np.zeros(4 * self.result_beats, np.int32)
            logits[: self.classes] = total * np.arange(1, self.classes + 1)
            result = memory[self.result_address + n * self.result_beats :][: self.result_beats]
            result[:] = logits.view(np.uint64).reshape(-1, 2)


def expected(images, classes=10):
    """What :class:`FakeProgram` gives."""
    total = images.reshape(len(images), -1).sum(1, dtype=np.int64)
    return total[:, None] * np.arange(1, classes + 1)


class FakeTransport:
    """A :class:`~sw.driver.transport.Transport` that keeps a log of the calls that change it.

    Parameters
    ----------
    made_for : Configuration
    compute : callable (memory, program beat)
        A program's run.
    identity : dict
        Registers that differ from what is expected of the configuration.
    """

    def __init__(
        self,
        made_for: Configuration,
        compute: Callable[[np.ndarray, int], None],
        beats: int = BEATS,
        **identity,
    ) -> None:
        self.memory = np.zeros((beats, 2), np.uint64)
        self.compute = compute
        self.log: list[tuple] = []
        self.hang = False
        self.running = False  # a program of another process
        self.runs = 0
        self._identity = replace(expected_identity(made_for), rtl="f00d", **identity)

    def identity(self) -> Identity:
        return self._identity

    def write(self, beat, beats):
        assert beats.dtype == np.uint64 and beats.shape[1:] == (2,)
        self.log.append(("write", beat, len(beats)))
        self.memory[beat : beat + len(beats)] = beats

    def read(self, beat, n):
        return self.memory[beat : beat + n].copy()

    def first_difference(self, beat, beats):
        return first_unequal(self.read(beat, len(beats)), beats)

    def start(self, program_beat):
        self.log.append(("start", program_beat))
        self.runs += 1
        if not self.hang:
            self.compute(self.memory, program_beat)

    def wait(self, timeout_cycles):
        if self.hang:
            raise DeviceTimeout(f"device: not done after {timeout_cycles} cycles")

    def registers(self):
        cycles = CYCLES + self.runs - 1
        status = BUSY if self.running else DONE
        return dict.fromkeys(REGISTERS, 7) | {"cycles": cycles, "status": status}

    def completions(self):
        return []

    def reset(self):
        self.log.append(("reset",))
        self.memory[:] = 0
        self.hang = self.running = False

    def close(self):
        self.log.append(("close",))
