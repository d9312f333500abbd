"""``python -m sw precision``: what integers cost, by value width and by kind of threshold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from hw.spec import find_configuration
from hw.spec.configuration import DEFAULT_CONFIGURATION, Configuration
from hw.spec.numerics import VALUE, Format
from sw.atomic import write_json
from sw.cli.common import ConfigOption, JsonOption, ending, note
from sw.cli.float_model import float_classes
from sw.cli.labelled import Labelled, labelled
from sw.files import InputError, check_output

if TYPE_CHECKING:
    from sw.compiler.packed import PackedNetwork
    from sw.model import BinaryViT

WIDTHS = "16,12,10,8"
NEAR_POINTS, NEAR_AGREEMENT = 0.5, 98.0
"""How close golden must be: points of accuracy, and percent of pictures with the same class."""
CENTRED = 500
"""Training pictures whose means become thresholds."""
BATCH = 256
LARGE_COLUMNS = 100


@dataclass(frozen=True)
class Row:
    """One way to make integers of the float model.

    Parameters
    ----------
    thresholds : str
        ``learned``, or ``means`` of training pictures.
    width : int
        Bits of value tensors.
    float_top1, golden_top1, agreement : float
        Percent: accuracies, and pictures that both give the same class.
    chip_kbit, position_kbit : float
        x and u memory of the configuration, and the stored position embeddings, at that width.
    pictures : int
        How many were compared.
    """

    thresholds: str
    width: int
    float_top1: float
    golden_top1: float
    agreement: float
    chip_kbit: float
    position_kbit: float
    pictures: int

    @property
    def near(self) -> bool:
        """Whether golden is as close to float as it must be."""
        return (
            abs(self.float_top1 - self.golden_top1) <= NEAR_POINTS
            and self.agreement >= NEAR_AGREEMENT
        )


def precision(
    checkpoint: Annotated[Path, typer.Option(help="float checkpoint, safetensors or torch")],
    data: Annotated[
        Path, typer.Option(help="data set: its training pictures calibrate, its others are counted")
    ],
    heads: Annotated[str | None, typer.Option(help="as in pack; sw.train's files say it")] = None,
    reduction: Annotated[str | None, typer.Option(help="as in pack; likewise")] = None,
    depths: Annotated[str | None, typer.Option(help="as in pack; likewise")] = None,
    widths: Annotated[str, typer.Option(help="bits of value tensors, at most 16")] = WIDTHS,
    limit: Annotated[int, typer.Option(help="pictures")] = 5000,
    config: ConfigOption = DEFAULT_CONFIGURATION,
    json_path: JsonOption = None,
) -> None:
    """Compare the integer model with the float one, for narrower values and other thresholds.

    Narrower values are emulated by the integer model: scales chosen for that width, saturation at
    that width; parameters, sums and pre-activations stay as they are.
    """
    with ending("precision"):
        formats = _formats(widths)
        configuration = find_configuration(config)
        if limit < 1:
            raise InputError(f"--limit {limit}: compare at least 1 picture")
        if json_path is not None:
            check_output("--json", json_path)
        model = _load(checkpoint, heads, reduction, depths)
        rows = _rows(model, data, formats, limit, configuration)
        Console(width=LARGE_COLUMNS).print(_table(rows, config))
        if json_path is not None:
            report = {"checkpoint": str(checkpoint), "pictures": rows[0].pictures,
                      "configuration": config,
                      "rows": [vars(row) | {"near": row.near} for row in rows]}  # fmt: skip
            write_json(json_path, report)


def _formats(widths: str) -> list[Format]:
    """Value formats of the listed widths, widest first."""
    try:
        bits = sorted({int(width) for width in widths.split(",")}, reverse=True)
    except ValueError:
        bits = []
    if not bits or bits[0] > VALUE.bits or bits[-1] < 4:
        raise InputError(
            f"--widths {widths}: give widths from 4 to {VALUE.bits} bits, for example {WIDTHS}"
        )
    return [VALUE if b == VALUE.bits else Format(b, True, "emulated value width") for b in bits]


def _load(checkpoint: Path, heads, reduction, depths) -> BinaryViT:
    from sw.model import from_checkpoint, saved_config

    saved = saved_config(checkpoint)
    if saved is not None:
        return from_checkpoint(checkpoint, saved.heads, saved.reduction, saved.depths)
    numbers = []
    for option, text in (("--heads", heads), ("--reduction", reduction), ("--depths", depths)):
        if text is None and option != "--depths":
            raise InputError(f"{option}: the checkpoint does not say it; one number a stage")
        try:
            numbers.append(text and [int(part) for part in text.split(",")])
        except ValueError:
            raise InputError(f"{option} {text!r}: no comma-separated list of numbers") from None
    return from_checkpoint(checkpoint, *numbers)


def _rows(
    model: BinaryViT, data: Path, formats: list[Format], limit: int, configuration: Configuration
) -> list[Row]:
    from sw.data import load, normalise
    from sw.model.thresholds import centre_thresholds
    from sw.train.calibration import calibrate_norms

    rows = _of_thresholds("learned", model, data, formats, limit, configuration)
    import torch

    training = load(data, "train", model.config.image)
    centre_thresholds(model, normalise(torch.from_numpy(training.sample(CENTRED).images)))
    calibrate_norms(model, training)
    return rows + _of_thresholds("means", model, data, formats[:1], limit, configuration)


def _of_thresholds(
    thresholds: str,
    model: BinaryViT,
    data: Path,
    formats: list[Format],
    limit: int,
    configuration: Configuration,
) -> list[Row]:
    """A row a width."""
    from sw.compiler.build import refined
    from sw.compiler.fold import fold
    from sw.compiler.load import load
    from sw.compiler.pictures import calibration_pictures
    from sw.compiler.quantise import quantise

    calibration, names = calibration_pictures(data, model.config.image)
    names = names if len(names) == model.config.classes else ()
    folded = fold(load(model, class_names=names))
    folded = refined(folded, calibration)
    rows, pictures, real = [], None, None
    for form in formats:
        packed = quantise(folded, calibration, value=form).packed
        if pictures is None:
            pictures = labelled(data, packed, limit)
            real = float_classes(model, pictures.images)
        note(f"{thresholds} thresholds, values of {form.bits} bits")
        golden = _golden_classes(packed, pictures, form)
        right = np.array(pictures.labels)
        rows.append(
            Row(
                thresholds,
                form.bits,
                100 * float(np.mean(real == right)),
                100 * float(np.mean(golden == right)),
                100 * float(np.mean(golden == real)),
                *_memory(packed, form, configuration),
                len(right),
            )
        )
    return rows


def _golden_classes(packed: PackedNetwork, pictures: Labelled, form: Format) -> np.ndarray:
    import torch

    from sw.golden import run

    parts = torch.from_numpy(pictures.images).split(BATCH)
    return torch.cat([run(packed, part, value=form).argmax(1) for part in parts]).numpy()


def _memory(
    packed: PackedNetwork, form: Format, configuration: Configuration
) -> tuple[float, float]:
    """Kbit of x and u memory, and of the model's positions."""
    chip = (configuration.x_words + configuration.u_words) * configuration.lanes
    stored = sum(
        layer.position.size for layer in packed.layers.values() if layer.position is not None
    )
    return chip * form.bits / 1024, stored * form.bits / 1024


def _table(rows: list[Row], config: str) -> Table:
    table = Table(title=f"integers against floats; memories of {config}", title_justify="left")
    for column in ("thresholds", "value bits", "float, %", "golden, %", "same class, %",
                   "x and u, kbit", "positions, kbit", "saved, kbit", "near"):  # fmt: skip
        table.add_column(column, justify="left" if column == "thresholds" else "right")
    for row in rows:
        scale = VALUE.bits / row.width - 1
        table.add_row(
            row.thresholds,
            str(row.width),
            f"{row.float_top1:.2f}",
            f"{row.golden_top1:.2f}",
            f"{row.agreement:.2f}",
            f"{row.chip_kbit:,.0f}",
            f"{row.position_kbit:,.0f}",
            f"{scale * (row.chip_kbit + row.position_kbit):,.0f}",
            "yes" if row.near else "no",
        )
    table.caption = (
        f"near: golden within {NEAR_POINTS} points of float, the same class on at least "
        f"{NEAR_AGREEMENT:.0f} % of the pictures"
    )
    return table
