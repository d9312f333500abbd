"""The time line of a run: how busy every unit was, so that idle time can be seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hw.spec.commands import Engine
from sim.native.simulator import SAMPLED
from sim.network.run import NetworkRun
from sim.report.commands import part, spans
from sw.compiler.schedule import NetworkProgram
from sw.figures import figure, save_figure

UNITS = {
    "array": ("array_busy",),
    "lanes": ("lanes_busy",),
    "pooling": ("pool_busy",),
    "attention": ("attention_busy",),
    "dense": ("dense_busy",),
    "memory port": ("load_beats", "store_beats", "program_beats"),
}
"""Rows of the picture, and the counters that they add."""


def utilisation(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges in cycles (n + 1,) and the busy share of every unit between them (units, n)."""
    samples = samples[np.concatenate([[True], np.diff(samples[:, 0]) > 0])]
    cycles = samples[:, SAMPLED.index("cycles")]
    work = np.stack(
        [sum(samples[:, SAMPLED.index(name)] for name in names) for names in UNITS.values()]
    )
    return cycles, np.diff(work, axis=1) / np.diff(cycles)


def boundaries(program: NetworkProgram, run: NetworkRun) -> dict[str, int]:
    """Stem, stages and head to the cycle in which their last command was complete."""
    ends: dict[str, int] = {}
    for operation, end in zip(program.operations, spans(program, run.completions).end, strict=True):
        if operation.engine is not Engine.LOAD:  # loads run ahead of their layer
            name = part(operation).split(".", 1)[0].replace("stage", "stage ")
            ends[name] = max(ends.get(name, 0), int(end))
    return ends


def draw(path: Path, title: str, program: NetworkProgram, run: NetworkRun) -> None:
    """Write the picture; its format is the path's ending.

    Raises
    ------
    NoPicture, OSError
        Without matplotlib, and for a file that cannot be written.
    """
    edges, shares = utilisation(run.samples)
    average = shares @ np.diff(edges) / (edges[-1] - edges[0])
    drawn = figure(figsize=(14, 4.2), layout="constrained")
    axes = drawn.subplots()
    mesh = axes.pcolormesh(
        edges, np.arange(len(UNITS) + 1), shares, cmap="magma_r", vmin=0, vmax=1, rasterized=True
    )
    axes.set_yticks(
        np.arange(len(UNITS)) + 0.5,
        [f"{unit}  {100 * share:.0f} %" for unit, share in zip(UNITS, average, strict=True)],
    )
    axes.invert_yaxis()
    axes.hlines(np.arange(1, len(UNITS)), 0, edges[-1], colors="white", linewidth=3)
    start = 0
    for name, end in sorted(boundaries(program, run).items(), key=lambda item: item[1]):
        axes.axvline(end, color="tab:cyan", linewidth=1)
        if end - start > edges[-1] / 40:  # else there is no room for its name
            axes.text((start + end) / 2, -0.08, name, ha="center", va="bottom", fontsize=9)
        start = end
    axes.set_xlim(0, edges[-1])
    axes.set_xlabel("clock cycles from start; lines: a stage's last command is complete")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_title(title, pad=20, fontsize=10)
    drawn.colorbar(mesh, ax=axes, label="share of cycles busy", pad=0.01)
    save_figure(drawn, path, dpi=120)
