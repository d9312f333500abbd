"""The ablation: each property of BinaryViT added in turn, at equal training and MAC count.

From a binary DeiT of 4x4 patches to the pyramid of BinaryViT, as the paper's section 4 walks.  The
first four rows share tokens, width and depth; the pyramid's depths make its MAC the same within 3 %
(:func:`macs`).  Every run has a folder of its own and goes on where it stopped; the table is drawn
from what the folders hold.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from hw.spec import find_configuration
from sw.atomic import write_json
from sw.data import Dataset, Skip, load
from sw.model import ModelConfig
from sw.train.errors import TrainError
from sw.train.measure import CHECKED, measure
from sw.train.pictures import test_pictures
from sw.train.place import Place
from sw.train.recipe import Recipe
from sw.train.recipes import Named
from sw.train.table import write_table

_DEIT = ModelConfig(
    patch=4, channels=(128,), depths=(4,), reduction=(1,), heads=(2,), hidden=(512,),
    class_token=True, pooled_branches=False, layer_scale=False, stem_norm=False,
)  # fmt: skip
_MEAN = _DEIT.with_(class_token=False)
_BRANCHES = _MEAN.with_(pooled_branches=True)
_AFFINE = _BRANCHES.with_(layer_scale=True)
_PYRAMID = ModelConfig(
    channels=(64, 128, 128), depths=(3, 4, 1), reduction=(4, 2, 1), heads=(1, 2, 2),
    hidden=(128, 256, 256),
)  # fmt: skip

ROWS = {
    "binary DeiT": _DEIT,
    "+ mean pooling": _MEAN,
    "+ pooled branches": _BRANCHES,
    "+ affine": _AFFINE,
    "+ pyramid (BinaryViT)": _PYRAMID,
}
"""Architectures in the paper's order, each with the properties of the one above."""


def macs(config: ModelConfig) -> int:
    """Binary multiply-accumulates a picture: layers, scores and attended sums, embeddings."""
    total = 0
    for i, c in enumerate(config.channels):
        tokens, hidden = config.tokens(i), config.hidden[i]
        keys = config.grid(i) ** 2 // config.reduction[i] ** 2 + config.class_token
        reduced = 3 if config.reduction[i] > 1 else 2  # key, value, and the reduction itself
        linear = tokens * (2 * c * c + 2 * c * hidden) + keys * reduced * c * c
        total += config.depths[i] * (linear + 2 * tokens * keys * c)
        if i:
            total += tokens * 4 * config.channels[i - 1] * c
    return total


def run_ablation(
    arguments, recipe: Recipe, out: Path, place: Place, say, skip: Skip | None, train
) -> None:
    """Train, pack and measure what is missing; then write the table.

    Parameters
    ----------
    arguments : of :func:`sw.train.options.parse`
    recipe : Recipe
        The same for every row; its seed is the first.
    out : Path
        A folder of ``ROW-seedS`` folders, ``table.json``, ``table.txt`` and ``table.png``.
    train : callable
        ``train(arguments, named, folder, place, say, skip, logits)``: one run to its end.

    Raises
    ------
    TrainError, DataError, ModelError, DriverError
        One line.
    """
    if arguments.seeds < 1:
        raise TrainError(f"--seeds {arguments.seeds}: run every row at least once")
    find_configuration(arguments.config)
    test = _test(arguments.data, skip)
    results = []
    for number, (name, config) in enumerate(ROWS.items(), 1):
        for seed in range(recipe.seed, recipe.seed + arguments.seeds):
            folder = out / f"{number}-seed{seed}"
            named = Named(config, replace(recipe, seed=seed), name)
            say(f"row {number} of {len(ROWS)}, {name}, seed {seed}: {folder}")
            result = _finished(folder, named, arguments)
            if result is None:
                train(arguments, named, folder, place, say, skip, out)
                if not (folder / "model.safetensors").is_file():
                    say("stopped; run again to go on")
                    return
                if place.first:
                    result = _measured(folder, named, arguments, test, say)
                place.meet()
            results.append(result)
    if place.first:
        write_table(out, results, say)


def _test(data: str, skip: Skip | None) -> Dataset:
    """The pictures that every row is measured on: all rows take the same size and classes."""
    model = next(iter(ROWS.values()))
    classes = load(data, "train", model.image, skip).class_names
    test = test_pictures(data, classes, model, skip)
    if test is None:
        raise TrainError(
            f"{data}: keeps no test pictures apart, and rows are measured on pictures that none "
            "was trained on; put the class folders into train/ and test/ below it"
        )
    return test


def _settings(named: Named, arguments) -> dict:
    """What a result depends on besides the data."""
    teacher = arguments.teacher
    return {"model": _plain(named.model.to_dict()), "recipe": named.recipe.to_dict(),
            "configuration": arguments.config,
            "teacher": teacher and hashlib.sha256(teacher.read_bytes()).hexdigest()}  # fmt: skip


def _plain(fields: dict) -> dict:
    return json.loads(json.dumps(fields))


def _finished(folder: Path, named: Named, arguments) -> dict | None:
    """The result of a run that is over and was measured as asked, else None."""
    try:
        result = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        return None
    same = result.get("settings") == _settings(named, arguments)
    checked = not arguments.check_rtl or result.get("checked") == CHECKED
    return result if same and checked else None


def _measured(folder: Path, named: Named, arguments, test: Dataset, say) -> dict:
    """Measure a trained row and keep what was found."""
    result = {
        "row": named.why,
        "seed": named.recipe.seed,
        "macs": macs(named.model),
        "settings": _settings(named, arguments),
        **measure(folder, arguments.data, test, arguments.config, arguments.check_rtl, say),
    }
    write_json(folder / "result.json", result)
    return result
