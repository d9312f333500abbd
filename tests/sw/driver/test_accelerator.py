"""The handle that every backend shares, and the golden backend."""

import numpy as np
import pytest
import torch

from hw.spec import ConfigurationError, find_configuration
from sw.compiler.errors import PackedImageError
from sw.compiler.pack import pack
from sw.driver import BACKENDS, Accelerator, DeviceError, DriverError
from sw.driver.transport import expected_identity
from sw.files import InputError
from sw.golden import RangeError, run


@pytest.fixture
def golden(pyramid):
    with Accelerator.open("golden") as accelerator:
        accelerator.load(pyramid[2].packed)
        yield accelerator


def test_golden_gives_the_golden_models_logits(golden, pyramid):
    images = pyramid[3].numpy()
    images.flags.writeable = False
    logits = golden.run(images)
    assert logits.dtype == np.int64
    assert np.array_equal(logits, run(pyramid[2].packed, pyramid[3]).numpy())
    assert golden.cycles == [] and golden.counters() == {}
    golden.reset()
    assert np.array_equal(golden.run(images[1:2]), logits[1:2])


def test_a_packed_file_is_loaded_by_its_path(pyramid, tmp_path):
    pack(pyramid[2].packed, tmp_path / "m.bvit")
    accelerator = Accelerator.open()
    for path in (tmp_path / "m.bvit", str(tmp_path / "m.bvit")):
        accelerator.load(path)
        assert accelerator.run(pyramid[3].numpy()[:1]).shape == (1, 10)


def test_models_that_cannot_be_loaded(tmp_path, golden):
    (tmp_path / "m.bvit").write_bytes(b"no model")
    with pytest.raises(PackedImageError, match=r"m\.bvit"):
        golden.load(tmp_path / "m.bvit")
    with pytest.raises(InputError, match="no shipped model"):
        golden.load("no_such_model")


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 16, 16, 3)), r"float64 \(2, 16, 16, 3\)"),
        (np.zeros((16, 16, 3), np.uint8), r"uint8 \(16, 16, 3\)"),
        (np.zeros((2, 3, 16, 16), np.uint8), r"uint8 \(2, 3, 16, 16\)"),
        (np.zeros((2, 32, 32, 3), np.uint8), r"uint8 \(2, 32, 32, 3\)"),
        (torch.zeros((2, 16, 16, 3), dtype=torch.uint8), "Tensor"),
        ([[1]], "list"),
    ],
)
def test_arrays_of_another_type_or_shape_are_refused(golden, images, words):
    with pytest.raises(InputError, match=words + r".*uint8 \(N, 16, 16, 3\)"):
        golden.run(images)


def test_a_value_outside_its_format_is_the_backends_error(golden, pyramid, monkeypatch):
    def leave(*_):
        raise RangeError("logits: 2147483648 is outside its format")

    monkeypatch.setattr("sw.golden.run", leave)
    with pytest.raises(DeviceError, match="golden: logits"):
        golden.run(pyramid[3].numpy())


def test_nothing_runs_before_a_network_is_loaded_or_after_closing(pyramid):
    accelerator = Accelerator.open("golden")
    with pytest.raises(DriverError, match="no network is loaded"):
        accelerator.run(pyramid[3].numpy())
    accelerator.load(pyramid[2].packed)
    accelerator.close()
    for call in (
        lambda: accelerator.run(pyramid[3].numpy()),
        lambda: accelerator.load(pyramid[2].packed),
        accelerator.reset,
    ):
        with pytest.raises(DriverError, match="closed"):
            call()


def test_unknown_backends_configurations_and_options_are_refused():
    with pytest.raises(InputError, match=f"'fpga'.*{', '.join(BACKENDS)}"):
        Accelerator.open("fpga")
    with pytest.raises(ConfigurationError, match=r"'9x9'.*3x4x64-l8"):
        Accelerator.open("golden", configuration="9x9")
    with pytest.raises(InputError, match="takes no option memory"):
        Accelerator.open("golden", memory="ideal")
    with pytest.raises(InputError, match=r"sim: .*'speed'"):
        Accelerator.open("sim", speed=9)


def test_every_backend_opens_without_touching_a_device():
    configuration = find_configuration("3x4x64-l8")
    backends = ("golden", "sim", "serial:/dev/nowhere")
    assert [name.partition(":")[0] for name in backends] == list(BACKENDS)
    for backend in backends:
        with Accelerator.open(backend, configuration=configuration) as accelerator:
            assert accelerator.configuration is configuration
    identity = Accelerator.open("golden", configuration=configuration).identity()
    assert identity == expected_identity(configuration) and not identity.rtl
