"""The handle and the compiled program of a network together, on the command set in software."""

from __future__ import annotations

import numpy as np

from hw.spec import find_configuration
from hw.spec.commands import Opcode, decode
from sw.compiler.schedule import network_program
from sw.driver.device import Device
from sw.golden import run
from sw.golden.machine import Machine
from tests.sw.driver.fake import FakeTransport


def test_pictures_in_a_row_give_the_golden_logits(pyramid):
    """As a device sees it: the program and all data come out of the memory that was written."""
    packed, images = pyramid[2].packed, pyramid[3]
    configuration = find_configuration("3x4x64-l8")
    machine = None

    def compute(memory: np.ndarray, start: int) -> None:
        nonlocal machine
        machine = machine or Machine(configuration, memory)  # its memories outlast a picture
        words = []
        while not words or decode(words[-1])[0] is not Opcode.END:
            beats = memory[start + 4 * len(words) :][:4]
            words.append(int.from_bytes(beats.tobytes(), "little"))
        machine.run(words)

    beats = len(network_program(packed, configuration).memory)
    transport = FakeTransport(configuration, compute, beats=beats)
    with Device(configuration, lambda _: transport) as device:
        device.load(packed)
        logits = device.run(images.numpy())
    assert np.array_equal(logits, run(packed, images).numpy())
    assert len(np.unique(logits, axis=0)) == len(images) == transport.runs
