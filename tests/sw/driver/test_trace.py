"""Every named tensor of one picture, from the handle."""

import numpy as np
import pytest

from hw.spec import find_configuration
from sw.compiler import schedule
from sw.driver import Accelerator, DriverError
from sw.driver.device import Device
from sw.files import InputError
from sw.golden import run
from tests.sw.driver.fake import FakeProgram, FakeTransport, expected

CONFIGURATION = find_configuration("3x4x64-l8")


def test_golden_gives_what_it_computes_in_order(pyramid):
    packed, images = pyramid[2].packed, pyramid[3]
    trace = {}
    logits = run(packed, images[:1], trace)
    with Accelerator.open("golden") as accelerator:
        accelerator.load(packed)
        tensors = accelerator.trace(images[0].numpy())
    assert list(tensors) == [name for name in trace if not name.endswith(".x")]
    assert next(iter(tensors)) == "stem" and list(tensors)[-1] == "logits"
    for name, tensor in tensors.items():
        assert tensor.ndim in (2, 3) and tensor.dtype == np.int64
        assert not np.ma.getmaskarray(tensor).any()
        assert np.array_equal(tensor.data, np.atleast_2d(trace[name][0].numpy())), name
    assert np.array_equal(tensors["logits"].data, logits.numpy())


def test_pictures_are_checked(pyramid):
    with Accelerator.open("golden") as accelerator:
        with pytest.raises(DriverError, match="no network is loaded"):
            accelerator.trace(np.zeros((16, 16, 3), np.uint8))
        accelerator.load(pyramid[2].packed)
        for wrong in (np.zeros((16, 16, 3)), np.zeros((8, 8, 3), np.uint8)):
            with pytest.raises(InputError, match="images are "):
                accelerator.trace(wrong)


def test_a_device_s_tensors_and_its_logits(pyramid, monkeypatch):
    packed, images = pyramid[2].packed, pyramid[3].numpy()
    program = FakeProgram(CONFIGURATION, packed.model.image)
    monkeypatch.setattr(schedule, "network_program", lambda *_: program)
    transport = FakeTransport(CONFIGURATION, program.compute)
    shown = {"stem": np.ma.array([[1, 2]], mask=[[False, True]])}

    def tensors(of, network):
        assert transport.runs == 1 and of is program and network is packed
        return shown

    transport.tensors = tensors
    with Device(CONFIGURATION, lambda _: transport) as device:
        device.load(packed)
        got = device.trace(images[0])
        assert len(device.cycles) == 1
    assert list(got) == ["stem", "logits"] and got["stem"] is shown["stem"]
    assert np.array_equal(got["logits"].data, expected(images[:1]))
