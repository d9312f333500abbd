"""A packed model with class names, a fake device behind ``sim``, and the command line."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from sw.cli.app import app
from sw.compiler import schedule
from sw.compiler.pack import pack
from sw.data import CLASS_NAMES
from sw.driver import BACKENDS
from sw.driver.device import Device
from tests.sw.driver.fake import FakeProgram, FakeTransport


@pytest.fixture
def sw():
    """The command line in this process, 80 columns wide."""
    return lambda *arguments: CliRunner().invoke(
        app, [str(a) for a in arguments], env={"COLUMNS": "80"}
    )


@pytest.fixture
def refused(sw):
    """The one line on stderr of a command that ends with status 2."""

    def refused(*arguments):
        result = sw(*arguments)
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit)
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"{arguments[0]}: ")
        return line

    return refused


@pytest.fixture
def packed(pyramid):
    """A model of 16x16 pictures that knows CIFAR-10's classes."""
    return replace(pyramid[2].packed, classes=CLASS_NAMES)


@pytest.fixture
def model(packed, tmp_path):
    path = tmp_path / "m.bvit"
    pack(packed, path)
    return path


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "cat.png"
    Image.fromarray(noise(16, 16, 3)).save(path)
    return path


@pytest.fixture
def data(tmp_path):
    """Three classes of the model's ten, two pictures each, and one more cat."""
    for seed, file in enumerate(
        ["cat/a.png", "cat/b.png", "cat/c.png", "dog/a.png", "dog/b.png", "ship/a.png"]
    ):
        path = tmp_path / "data" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise(16, 16, 3, seed=seed)).save(path)
    return tmp_path / "data"


@pytest.fixture
def device(packed, monkeypatch):
    """The fake device that ``--backend sim`` opens; `device.transport` once it is."""
    opened = []

    def connect(configuration):
        opened.append(FakeTransport(configuration, programs[0].compute))
        return opened[-1]

    programs = []

    def network_program(packed, configuration, batch=1):
        programs.append(FakeProgram(configuration, packed.model.image, batch=batch))
        return programs[-1]

    monkeypatch.setattr(schedule, "network_program", network_program, raising=False)
    monkeypatch.setitem(BACKENDS, "sim", lambda c, batch, **options: Device(c, connect, batch))
    return opened


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
