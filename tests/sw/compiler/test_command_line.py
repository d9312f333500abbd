"""``python -m sw.compiler``: tables of a packed image, one line and status 2 for bad input."""

import pytest
from typer.testing import CliRunner

from sw.compiler.__main__ import app, calibration_pictures
from sw.compiler.errors import CompileError
from sw.compiler.pack import pack


def test_shows_a_packed_image(pyramid, tmp_path):
    path = tmp_path / "m.bvit"
    pack(pyramid[2].packed, path)
    result = CliRunner().invoke(app, [str(path), "--show", "pack"])
    assert result.exit_code == 0 and "stage2.block1" in result.output


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_bad_files_end_with_status_2(tmp_path, content):
    path = tmp_path / "m.bvit"
    if content is not None:
        path.write_bytes(content)
    result = CliRunner().invoke(app, [str(path)])
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert str(path) in result.stderr.replace("\n", "")


def test_calibration_pictures(tmp_path):
    assert calibration_pictures(None, 16, 3).shape == (3, 16, 16, 3)
    with pytest.raises(CompileError, match=r"no \.png or \.jpg"):
        calibration_pictures(tmp_path, 16)
