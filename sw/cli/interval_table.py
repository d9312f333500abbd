"""The interval of every accumulator and value, and what saturation clips on pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from sw.cli.common import note
from sw.cli.labelled import labelled
from sw.compiler.packed import PackedNetwork

if TYPE_CHECKING:
    from sw.capability.intervals import Range
    from sw.golden.clipping import Clipped, Counts

LEAST_SHARE = 1e-6
"""Shares above 0 and below this are shown as less than it."""


@dataclass(frozen=True)
class Measured:
    """What golden clipped on so many pictures, by value."""

    pictures: int
    counts: Counts


def measured(packed: PackedNetwork, data: Path, limit: int) -> Measured:
    """Runs at most `limit` pictures of a folder through golden and counts what it clips.

    Raises
    ------
    DataError
        As :func:`sw.cli.labelled.labelled`.
    """
    import torch

    from sw.golden.saturation import measure_saturation

    pictures = labelled(data, packed, limit)
    count = len(pictures.files)
    note(f"saturation of {count:,} pictures")
    return Measured(count, measure_saturation(packed, torch.from_numpy(pictures.images)))


def print_intervals(console: Console, found: list[Range], seen: Measured | None) -> dict:
    """Prints table and summary; returns what ``--json`` has of them.

    Accumulators fit, or there is no table; values that can exceed their format saturate.
    """
    table = Table(
        title="intervals over every picture", title_justify="left", caption_justify="left"
    )
    if seen is not None:
        table.caption = (
            "measured: share of elements outside the format before saturation; "
            "blank where nothing saturates"
        )
    table.add_column("tensor", no_wrap=True)
    for column in ("least", "greatest", "bits", "of", "worst case", "measured"):
        table.add_column(column, justify="right", no_wrap=True)
    for r in found:
        worst = "fits" if r.fits else "saturates"
        table.add_row(r.name, f"{r.low:,}", f"{r.high:,}", str(r.bits), str(r.form.bits), worst,
                      _cell(r, seen))  # fmt: skip
    console.print(table)
    console.print(_summary(found, seen), markup=False, highlight=False, soft_wrap=True)
    return {
        "pictures": None if seen is None else seen.pictures,
        "intervals": [_row(r, seen) for r in found],
    }


def _count(r: Range, seen: Measured | None) -> Clipped | None:
    """None where nothing was measured, r is an accumulator, or golden forms no such value."""
    return None if seen is None or not r.saturates else seen.counts.get(r.name)


def _cell(r: Range, seen: Measured | None) -> str:
    count = _count(r, seen)
    if count is not None:
        return _percent(count)
    # A value that fits needs no clamp, and golden has none where it always fits.
    return "" if seen is None or r.fits else "not formed"


def _percent(count: Clipped) -> str:
    if not count.outside:
        return "0"
    if count.share < LEAST_SHARE:
        return f"< {100 * LEAST_SHARE:.4f} %"
    return f"{100 * count.share:.4f} %"


def _summary(found: list[Range], seen: Measured | None) -> str:
    exact = sum(not r.saturates for r in found)
    beyond = [r for r in found if not r.fits]
    said = (
        f"{exact} accumulators, all fit; {len(found) - exact} values, "
        f"{len(beyond)} of them could saturate in the worst case"
    )
    if seen is None:
        return said
    counts = {r.name: _count(r, seen) for r in beyond}
    clipped = {name: count for name, count in counts.items() if count and count.outside}
    said += f"\non {seen.pictures:,} pictures {len(clipped)} of these {len(beyond)} did"
    if clipped:
        most = max(clipped, key=lambda name: clipped[name].share)
        said += f", most of all {most}: {_percent(clipped[most])} of its elements"
    missing = [name for name, count in counts.items() if count is None]
    if missing:
        said += f"; not measured, as golden forms no such value: {', '.join(missing)}"
    return said


def _row(r: Range, seen: Measured | None) -> dict:
    """An interval; counts are null where nothing was measured, `saturated` is their ratio."""
    count = _count(r, seen)
    return {
        "name": r.name,
        "low": r.low,
        "high": r.high,
        "bits": r.bits,
        "format_bits": r.form.bits,
        "exact": not r.saturates,
        "fits": r.fits,
        "clipped": None if count is None else count.outside,
        "elements": None if count is None else count.elements,
        "saturated": None if count is None else count.share,
    }
