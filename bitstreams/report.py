"""report.json and report.txt of a build; nothing in them depends on the machine or the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bitstreams.build import Build
from bitstreams.netlist import by_component
from bitstreams.timing import clocks, paths

DEPTH = 3
"""Levels of the hierarchy that the table of areas shows: top, accelerator, its units."""


def as_json(build: Build, models: list[dict[str, Any]]) -> dict[str, Any]:
    """The report as plain data."""
    board, used = build.board, build.best.report["utilization"]
    configuration = board.configuration
    return {
        "board": board.name,
        "device": board.device.name,
        "configuration": configuration.describe(),
        "configuration_digest": configuration.digest,
        "fmax_mhz": round(build.fmax_mhz, 2),
        "clock_mhz": board.clock_hz / 1e6,
        "seeds": {str(one.seed): round(one.fmax_mhz, 2) for one in build.routed},
        "seeds_stopped": list(build.stopped),
        "hold_violations": build.best.hold_violations,
    } | ({"untimed": untimed} if (untimed := board.device.family.untimed) else {}) | {
        name: {
            key: sum(used[site][key] for site in sites if site in used)
            for key in ("used", "available")
        }
        for name, sites in board.device.family.used.items()
    } | {
        "rtlil_sha256": build.digests["rtlil"],
        "netlist_sha256": build.digests["netlist"],
        "bitstream_sha256": build.digests["bitstream"],
        "bitstream_seed": build.best.seed,
        "tools": build.tools,
        "commands": list(build.commands),
        "models": models,
        "hardware": "not run on hardware",
    }  # fmt: skip


def as_text(build: Build, facts: dict[str, Any]) -> str:
    """The report for people: clocks, critical paths, area of every component."""
    family = build.board.device.family
    met = "met" if build.best.fmax_mhz >= facts["clock_mhz"] else "MISSED"
    lines = [
        f"{facts['board']}: {facts['configuration']['name']} on {facts['device']}",
        "not run on hardware",
        "",
        f"accelerator clock: {facts['fmax_mhz']:.2f} MHz, median over seeds "
        + ", ".join(f"{seed} ({mhz:.2f})" for seed, mhz in facts["seeds"].items())
        + "".join(f"; seed {seed} does not route" for seed in facts["seeds_stopped"]),
        f"set to {facts['clock_mhz']:g} MHz in the bitstream, which is seed "
        f"{build.best.seed}'s: {met}",
    ]
    lines += [f"clock {name}: {mhz:.2f} MHz" for name, mhz in clocks(build.best.report).items()]
    if "untimed" in facts:
        lines.append(f"not in these clocks, as nextpnr has no delays of them: {facts['untimed']}")
    if facts["hold_violations"]:
        lines.append(f"hold time: MISSED by {facts['hold_violations']} paths")
    lines += ["", "critical paths"]
    lines += [f"  {p.clocks[0]} to {p.clocks[1]}: {p.describe()}" for p in paths(build.best.report)]
    lines += ["", "sites after packing"]
    lines += [
        f"  {name:5} {facts[name]['used']:6,} of {facts[name]['available']:6,} "
        f"({100 * facts[name]['used'] / max(1, facts[name]['available']):.0f} %)"
        for name in family.used
    ]
    lines += [
        "",
        f"cells by component, before packing ({family.columns_note})",
    ]
    lines += _areas(build)
    return "\n".join(lines) + "\n" + _models_text(facts)


MODELS = "\nmodels\n"
"""Line of the report for people behind which its models are."""


def _models_text(facts: dict[str, Any]) -> str:
    lines = []
    for row in facts["models"]:
        if "refused" in row:
            lines.append(f"  {row['name']}: refused, {row['refused']}")
            continue
        lines.append(
            f"  {row['name']}, {row['batch']} at a time: {row['cycles']:,} cycles a picture, "
            f"{row['memory']}, {row['frames_per_second']:.2f} frames a second at "
            f"{facts['fmax_mhz']:.2f} MHz"
        )
    return MODELS + "".join(f"{line}\n" for line in lines)


def renew_models(models: list[dict[str, Any]], folder: Path) -> None:
    """Put other models into both reports of a folder; all else in them stays."""
    facts = json.loads((folder / "report.json").read_text()) | {"models": models}
    text = (folder / "report.txt").read_text()
    (folder / "report.json").write_text(json.dumps(facts, indent=1) + "\n")
    (folder / "report.txt").write_text(text.partition(MODELS)[0] + _models_text(facts))


def _areas(build: Build) -> list[str]:
    columns = build.board.device.family.columns
    parts = {
        name: [sum(cells[cell] for cell in those) for those in columns.values()]
        for name, cells in by_component(build.cells, DEPTH).items()
    }
    width = max(map(len, parts), default=0)
    order = sorted(
        (part for part in parts.items() if any(part[1])), key=lambda part: (-part[1][0], part[0])
    )
    head = f"  {'':{width}}" + "".join(f"{column:>11}" for column in columns)
    return [head] + [
        f"  {name:{width}}" + "".join(f"{count:11,}" for count in counts) for name, counts in order
    ]


def write_reports(build: Build, models: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Write both files; returns the report as plain data."""
    facts = as_json(build, models)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(facts, indent=1) + "\n")
    (folder / "report.txt").write_text(as_text(build, facts))
    return facts
