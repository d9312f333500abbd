"""Figures: refused before a long run, drawn without a display, written whole."""

from __future__ import annotations

import io
from pathlib import Path

from sw.atomic import write_atomically
from sw.files import InputError, check_output

SUFFIXES = (".png", ".svg", ".pdf")
"""Of the kinds of file that a figure is written as."""


class NoPicture(InputError):
    """Matplotlib is not installed; what was not asked for a picture goes on without one."""


def figure(**sizes):
    """An empty :class:`matplotlib.figure.Figure`, which needs no display and no closing.

    Keywords are those of that class.

    Raises
    ------
    NoPicture
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NoPicture("no picture without matplotlib; pip install matplotlib") from None
    return Figure(**sizes)


def check_figure(option: str, path: Path) -> None:
    """Refuse, before anything is computed, a figure that could not be drawn or written.

    Raises
    ------
    InputError
        Without matplotlib, for another kind of file, and as :func:`sw.files.check_output`.
    """
    try:
        figure()
    except NoPicture as error:
        raise InputError(f"{option} {path}: {error}") from None
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{option} {path}: end its name in {' or '.join(SUFFIXES)}")
    check_output(option, path)


def save_figure(drawn, path: Path, dpi: int = 150) -> None:
    """Write a figure, cut to what is drawn, by :func:`write_atomically`; its ending is its kind."""
    content = io.BytesIO()
    kind = path.suffix.lower().removeprefix(".")
    drawn.savefig(content, format=kind, dpi=dpi, bbox_inches="tight")
    write_atomically(path, content.getvalue())
