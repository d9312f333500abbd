"""Figures: what is refused before a long run, and files that are old or new, whole."""

import os
import sys

import pytest

from sw.figures import NoPicture, check_figure, figure, save_figure
from sw.files import InputError


def drawn():
    empty = figure(figsize=(2, 1))
    empty.subplots().plot([1, 2])
    return empty


@pytest.mark.parametrize(
    ("name", "begins"), [("f.png", b"\x89PNG"), ("f.PNG", b"\x89PNG"), ("f.svg", b"<?xml"),
                         ("f.pdf", b"%PDF")],
)  # fmt: skip
def test_the_ending_is_the_kind(tmp_path, name, begins):
    check_figure("--picture", tmp_path / name)
    save_figure(drawn(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_full_disk_leaves_the_old_figure_whole(tmp_path, monkeypatch):
    path = tmp_path / "f.png"
    save_figure(drawn(), path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"f\.png: cannot be written \(No space left on device\)"):
        save_figure(drawn(), path)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"--picture .*f\.gif: end its name in \.png or \.svg"):
        check_figure("--picture", tmp_path / "f.gif")
    with pytest.raises(InputError, match=r"--picture .*absent is no folder; make it first"):
        check_figure("--picture", tmp_path / "absent" / "f.png")


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    remedy = "no picture without matplotlib; pip install matplotlib"
    with pytest.raises(NoPicture, match=f"^{remedy}$"):
        figure()
    with pytest.raises(InputError, match=rf"^--picture .*f\.png: {remedy}$"):
        check_figure("--picture", tmp_path / "f.png")
