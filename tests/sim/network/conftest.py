"""Small random networks as packed files with a picture, and the command line."""

import pytest
from PIL import Image
from typer.testing import CliRunner

from sw.cli.app import app
from sw.compiler.pack import pack
from tests.sw.conftest import compiled

CONFIG = "3x4x64-l8"


@pytest.fixture
def arguments(tmp_path):
    """Options that name a small network, a picture of its size and a configuration."""

    def make(name: str) -> list[str]:
        _, _, quantised, images = compiled(name)
        pack(quantised.packed, tmp_path / "m.bvit")
        Image.fromarray(images[0].numpy()).save(tmp_path / "p.png")
        return [
            "--model", str(tmp_path / "m.bvit"), "--image", str(tmp_path / "p.png"),
            "--config", CONFIG,
        ]  # fmt: skip

    return make


@pytest.fixture
def diff(arguments):
    """``python -m sw diff`` of a small network."""
    return lambda name, *more: CliRunner().invoke(app, ["diff", *arguments(name), *more])
