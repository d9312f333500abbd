"""``python -m sw.train.card``: the model card of a packed model, every figure from a command.

::

    python -m sw.train --recipe cifar10 --data DIR --teacher FILE --out RUN
    python -m sw pack RUN/model.safetensors --heads ... --reduction ... --calibration DIR -o M.bvit
    python -m sw evaluate --model M.bvit --data DIR --checkpoint RUN/model.safetensors --json E.json
    python -m sw precision --checkpoint RUN/model.safetensors --data DIR --json P.json
    python -m sw.train.card RUN --model M.bvit --evaluation E.json --precision P.json -o M.md
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from hw.spec import find_configuration
from sw.atomic import write_atomically
from sw.bad_input import bad_input
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule import network_program
from sw.files import InputError, load_model
from sw.train.budget import CONFIGURATION, budget
from sw.train.recipe import Recipe

CONFUSIONS = 5
"""Pairs of classes that the card names as failures."""
LICENCE = (
    'Apache-2.0 for the weights. CIFAR-10 has no formal licence; cite Krizhevsky, "Learning '
    'multiple layers of features from tiny images", 2009.'
)


def card(name: str, packed: PackedNetwork, log: dict, evaluation: dict, precision: dict | None,
         licence: str = LICENCE) -> str:  # fmt: skip
    """The card in Markdown.

    Parameters
    ----------
    name : str
        The packed file's, without its suffix.
    log : dict
        ``log.json`` of the run.
    evaluation, precision : dict
        What ``sw evaluate --json`` and ``sw precision --json`` wrote.

    Raises
    ------
    InputError
        If the run is not over, or the files are of different models.
    """
    if "result" not in log:
        raise InputError(f"{name}: the run in log.json is not over; let it go on to its end")
    own = {part: list(getattr(packed.model, part)) for part in ("channels", "depths", "hidden")}
    if any(log["config"][part] != sizes for part, sizes in own.items()):
        raise InputError(
            f"{name}: channels, depths and hidden are {own}, those of log.json are not; "
            "give the run that this model was packed from"
        )
    parts = [
        f"# Model card: {name}", _sizes(packed), _figures(packed), _accuracy(evaluation),
        _classes(evaluation), _training(log), _failures(evaluation),
    ]  # fmt: skip
    if precision is not None:
        parts.insert(4, _precision(precision))
    return "\n\n".join([*parts, f"## Licence\n\n{licence}"]) + "\n"


def _rows(*rows: tuple) -> str:
    """A Markdown table, its first row the head."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _sizes(packed: PackedNetwork) -> str:
    m = packed.model
    stages = range(m.stages)
    return f"{m.image} x {m.image} RGB, patches of {m.patch} x {m.patch}.\n\n" + _rows(
        ("stage", "tokens", "C", "blocks", "heads", "r", "I"),
        *((i + 1, m.tokens(i + 1), m.channels[i], m.depths[i], m.heads[i], m.reduction[i],
           m.hidden[i]) for i in stages),
    )  # fmt: skip


def _figures(packed: PackedNetwork) -> str:
    program = network_program(packed, find_configuration(CONFIGURATION))
    return f"Program and bound on {CONFIGURATION}:\n\n" + _rows(
        ("", "is", "at most"),
        *((r.what, f"{r.value:,.{0 if r.unit == 'cycles' else 2}f} {r.unit}",
           "" if r.limit is None else f"{r.limit:,g}") for r in budget(packed, program)),
    )  # fmt: skip


def _accuracy(evaluation: dict) -> str:
    lines = [f"## Accuracy\n\n**{evaluation['top1']:.2f} %** of {evaluation['images']:,} test "
             f"pictures, integers ({evaluation['backend']})."]  # fmt: skip
    if "float" in evaluation:
        real = evaluation["float"]
        lines.append(f"Float model: {real['top1']:.2f} %; the same class on "
                     f"{real['agreement']:.2f} % of the pictures.")  # fmt: skip
    lines.append("No test-time augmentation.")
    return " ".join(lines)


def _classes(evaluation: dict) -> str:
    confusion = np.array(evaluation["confusion"])
    return _rows(
        ("class", "pictures", "right"),
        *((name, row.sum(), f"{100 * row[i] / max(1, row.sum()):.1f} %")
          for i, (name, row) in enumerate(zip(evaluation["classes"], confusion, strict=True))),
    )  # fmt: skip


def _precision(precision: dict) -> str:
    rows = precision["rows"]
    return f"Float to integer, {precision['pictures']:,} pictures:\n\n" + _rows(
        ("thresholds", "value bits", "float", "golden", "same class", "x and u memory"),
        *((r["thresholds"], r["width"], f"{r['float_top1']:.2f} %", f"{r['golden_top1']:.2f} %",
           f"{r['agreement']:.2f} %", f"{r['chip_kbit']:,.0f} kbit") for r in rows),
    )  # fmt: skip


def _training(log: dict) -> str:
    recipe, result, speed = Recipe(**log["recipe"]), log["result"], log["speed"]
    settings = ", ".join(f"{k} {v:g}" for k, v in recipe.to_dict().items() if v is not None)
    last = log["curve"][-1]
    teacher = f"distilled from {result['teacher']}" if result["teacher"] else "without a teacher"
    return (
        f"## Training\n\n{log['pictures']:,} training pictures, {last['epoch']:.1f} epochs in "
        f"{result['seconds'] / 60:,.0f} minutes on {speed['device']} "
        f"({log['pictures'] * last['epoch'] / result['seconds']:,.0f} pictures/s; the limit was "
        f"{speed['limit']}), {teacher}; torch {result['torch']}.\n\n"
        f"`python -m sw.train --recipe {result['recipe']}`: {settings}.\n\n"
        f"At the end: loss {last['loss']:.3f}, training accuracy, augmented, "
        f"{100 * last['accuracy']:.1f} %. Learning curve: `curve.png` and `log.json` of the run."
    )


def _failures(evaluation: dict) -> str:
    wrong, names = np.array(evaluation["confusion"]), evaluation["classes"]
    of = wrong.sum(axis=1)
    np.fill_diagonal(wrong, 0)
    worst = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [np.unravel_index(flat, wrong.shape) for flat in worst]
    said = [f"{names[i]} for {names[j]} ({wrong[i, j]} of {of[i]})" for i, j in pairs]
    return (
        "## Known failures\n\nTaken most often: " + ", ".join(said) + ". Any picture gets one of "
        f"the {len(names)} classes, also one that shows none of them."
    )


def main(argv=None) -> int:
    """Write the card; exit status 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m sw.train.card", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--model", required=True, help="packed file")
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--precision", type=Path)
    parser.add_argument("--licence", default=LICENCE, help="a sentence or two")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args(argv)
    try:
        text = card(
            Path(given.model).stem, load_model(given.model), _read(given.run / "log.json"),
            _read(given.evaluation), given.precision and _read(given.precision), given.licence,
        )  # fmt: skip
        write_atomically(given.output, text.encode())
    except bad_input() as error:
        print(f"card: {error}", file=sys.stderr)
        return 2
    print(f"wrote {given.output}")
    return 0


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; the commands in --help write it") from None
    except ValueError:
        raise InputError(f"{path}: not JSON; the commands in --help write it") from None


if __name__ == "__main__":
    sys.exit(main())
