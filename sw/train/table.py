"""The ablation's table: JSON, text and picture, from the results of the runs."""

from __future__ import annotations

import io
from pathlib import Path
from statistics import mean, stdev

from rich.console import Console
from rich.table import Table

from sw.atomic import write_atomically, write_json
from sw.figures import NoPicture, figure, save_figure


def summarise(results: list[dict]) -> list[dict]:
    """One entry a row: its seeds' accuracies with mean and standard deviation; the rest once."""
    rows: dict[str, list[dict]] = {}
    for result in results:
        rows.setdefault(result["row"], []).append(result)
    table = []
    for name, runs in rows.items():
        golden = [run["golden"] for run in runs]
        cycles = [run["cycles"] for run in runs if "cycles" in run]
        table.append(
            {
                "row": name,
                "golden": golden,
                "float": [run["float"] for run in runs],
                "mean": mean(golden),
                "deviation": stdev(golden) if len(golden) > 1 else None,
                "cycles": mean(cycles) if cycles else None,
                "checked": sum(run["checked"] for run in runs),
            }
            | {
                part: runs[0][part]
                for part in ("r", "parameters", "binary_weights", "macs", "packed_bytes",
                             "bound_cycles", "pictures")
            }
        )  # fmt: skip
    return table


def write_table(out: Path, results: list[dict], say) -> None:
    """Write ``table.json``, ``table.txt`` and ``table.png``, and say the text."""
    rows = summarise(results)
    settings = dict(results[0]["settings"])
    settings.pop("model")
    settings["recipe"].pop("seed")
    report = {"settings": settings, "rows": rows}
    write_json(out / "table.json", report)
    text = as_text(rows, settings)
    write_atomically(out / "table.txt", text.encode())
    say(text.rstrip("\n"))
    try:
        _draw(rows, out / "table.png")
    except NoPicture as error:
        say(str(error))


def as_text(rows: list[dict], settings: dict) -> str:
    """The table; ``checked`` counts pictures whose logits the gateware gave as golden does."""
    epochs, on = settings["recipe"]["epochs"], settings["configuration"]
    table = Table(
        title=f"{epochs:g} epochs each, integer accuracy on {rows[0]['pictures']:,} test "
        f"pictures; cycles on {on}",
        title_justify="left",
    )
    table.add_column("architecture", no_wrap=True)
    for column in ("accuracy, %", "float, %", "R", "parameters", "million MAC", "packed, KiB",
                   "bound", "cycles", "checked"):  # fmt: skip
        table.add_column(column, justify="right")
    for row in rows:
        spread = "" if row["deviation"] is None else f" ± {row['deviation']:.2f}"
        table.add_row(
            row["row"],
            f"{row['mean']:.2f}{spread}",
            f"{mean(row['float']):.2f}",
            f"{row['r']:,}" if row["r"] < 10**9 else f"{row['r']:.3e}",
            f"{row['parameters']:,}",
            f"{row['macs'] / 1e6:.1f}",
            f"{row['packed_bytes'] / 1024:.0f}",
            f"{row['bound_cycles']:,}",
            "" if row["cycles"] is None else f"{row['cycles']:,.0f}",
            str(row["checked"]) if row["checked"] else "no",
        )
    stream = io.StringIO()
    Console(file=stream, width=140).print(table)
    return stream.getvalue()


def _draw(rows: list[dict], path: Path) -> None:
    """Accuracy of every seed by row, with the row's R."""
    drawn = figure(figsize=(8, 4))
    axes = drawn.subplots()
    places = range(len(rows))
    axes.bar(places, [row["mean"] for row in rows], color="tab:blue", alpha=0.6)
    for place, row in enumerate(rows):
        axes.plot([place] * len(row["golden"]), row["golden"], "o", color="black", markersize=4)
        axes.annotate(f"{row['mean']:.1f} %\nR = {row['r']:.2g}", (place, row["mean"]),
                      textcoords="offset points", xytext=(0, 8), ha="center")  # fmt: skip
    low, high = min(min(r["golden"]) for r in rows), max(max(r["golden"]) for r in rows)
    axes.set_ylim(max(0, low - 10), min(110, high + 8))
    axes.set_xticks(list(places), [row["row"].replace(" (", "\n(") for row in rows], fontsize=8)
    axes.set_ylabel("integer accuracy, %")
    save_figure(drawn, path)
