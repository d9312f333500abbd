"""``python -m sw evaluate``: accuracy on a folder of labelled pictures, every logit in a report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from hw.spec import contract_digest
from sw.atomic import write_json
from sw.cli.common import (
    BackendOption,
    BatchOption,
    DeviceConfigOption,
    JsonOption,
    MemoryOption,
    ModelOption,
    ending,
    note,
    open_backend,
    print_cycles,
)
from sw.cli.confusion import confusion_table, default_place, draw_confusion
from sw.cli.float_model import FloatOption, float_classes, load_float
from sw.cli.labelled import Labelled, labelled
from sw.compiler.packed import PackedNetwork
from sw.driver import Accelerator
from sw.figures import NoPicture, check_figure
from sw.files import DEFAULT_MODEL, InputError, check_output, load_model

CALL = {"golden": 256}
"""Pictures of one call, by backend; of others those of a batch, so that progress shows it."""
NOTE_SECONDS = 10
"""Seconds between lines of progress where there is no terminal."""


@dataclass(frozen=True)
class Result:
    """Logits of every picture, and cycles where the backend has a clock.

    Attributes
    ----------
    logits : int64 array (N, classes)
    cycles : list of int
    seconds : float
        Wall time of the pictures, without loading the network.
    """

    logits: np.ndarray
    cycles: list[int]
    seconds: float

    @property
    def predicted(self) -> np.ndarray:
        """Class number of every picture."""
        return self.logits.argmax(axis=1)


def evaluate(
    data: Annotated[
        Path,
        typer.Option(
            help="cifar-10-batches-py, mosaics with labels, or one sub-folder of pictures a class"
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    backend: BackendOption = "golden",
    limit: Annotated[
        int | None, typer.Option(help="pictures at most; sub-folders take turns")
    ] = None,
    config: DeviceConfigOption = None,
    memory: MemoryOption = None,
    batch: BatchOption = 1,
    checkpoint: FloatOption = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="of the confusion matrix; default build/evaluate/MODEL.png"),
    ] = None,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="draw none")] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="leave unreadable pictures out, by name")
    ] = False,
    json_path: JsonOption = None,
) -> None:
    """Measure accuracy on a data set.

    Prints top-1 and accuracy by class, draws the confusion matrix; --json has every logit.
    With the checkpoint that the model was packed from, also float accuracy and agreement.
    """
    console = Console()
    with ending("evaluate"):
        if limit is not None and limit < 1:
            raise InputError(f"--limit {limit}: evaluate at least 1 picture")
        if json_path is not None:
            check_output("--json", json_path)
        if picture is not None:
            if no_picture:
                raise InputError(f"--picture {picture} and --no-picture: give one of them")
            check_figure("--picture", picture)
        with open_backend(backend, config, memory, batch) as accelerator:
            packed = load_model(model, report=note)
            real = None if checkpoint is None else load_float(checkpoint, packed)
            pictures = labelled(data, packed, limit, note if skip_unreadable else None)
            accelerator.load(packed)
            result = _run(accelerator, pictures.images, CALL.get(backend, batch))
            report = _as_json(accelerator, packed, pictures, result) | {
                "model": model,
                "backend": backend,
                "configuration": accelerator.configuration.name if result.cycles else None,
                "batch": batch if result.cycles else None,
            }
            if real is not None:
                report["float"] = _beside_float(real, checkpoint, pictures, result)
            console.print(
                f"{model} on {backend}: top-1 {report['top1']:.2f} % of {report['images']:,} "
                f"pictures, {len(result.logits) / result.seconds:,.1f} pictures/s",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
            if real is not None:
                console.print(
                    f"float model: top-1 {report['float']['top1']:.2f} %, the same class as "
                    f"{backend} on {report['float']['agreement']:.2f} % of the pictures",
                    highlight=False,
                    markup=False,
                    soft_wrap=True,
                )
            confusion = np.array(report["confusion"])
            console.print(confusion_table(confusion, packed.classes))
            print_cycles(console, accelerator, result.cycles)
            if json_path is not None:
                write_json(json_path, report, indent=None)
            if not no_picture:
                title = f"{Path(model).name} on {backend}: {report['top1']:.2f} %"
                _draw(confusion, packed.classes, picture, default_place(model), title)


def _draw(confusion: np.ndarray, names, asked: Path | None, default: Path, title: str) -> None:
    """The picture, and a line that says where; one that nobody asked for may be missing."""
    path = asked or default
    try:
        draw_confusion(confusion, names, path, title)
    except (NoPicture, OSError) as error:
        if asked:
            raise
        elsewhere = "" if isinstance(error, NoPicture) else "; or choose another --picture"
        note(f"{error}{elsewhere}")
    else:
        typer.echo(f"confusion matrix: {path}")


def _run(accelerator: Accelerator, images: np.ndarray, call: int) -> Result:
    """Every picture, one after another."""
    logits, cycles = [], []
    start = time.perf_counter()
    for part in _progress(np.split(images, range(call, len(images), call)), len(images)):
        logits.append(accelerator.run(part))
        cycles += accelerator.cycles
    return Result(np.concatenate(logits), cycles, time.perf_counter() - start)


def _progress(parts: list[np.ndarray], total: int) -> Iterator[np.ndarray]:
    """The parts; a bar on a terminal, now and then a line elsewhere."""
    console = Console(stderr=True)
    if console.is_terminal:
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("pictures", total=total)
            for part in parts:
                yield part
                progress.advance(task, len(part))
        return
    done, said = 0, time.perf_counter()
    for part in parts:
        yield part
        done += len(part)
        if done < total and time.perf_counter() - said >= NOTE_SECONDS:
            said = time.perf_counter()
            note(f"{done:,} of {total:,} pictures")


def _as_json(
    accelerator: Accelerator, packed: PackedNetwork, pictures: Labelled, result: Result
) -> dict:
    """What ``--json`` writes; ``confusion[label][predicted]`` counts pictures."""
    confusion = np.zeros((packed.model.classes, packed.model.classes), np.int64)
    np.add.at(confusion, (pictures.labels, result.predicted), 1)
    report = {
        "contract": contract_digest(),
        "classes": list(packed.classes),
        "logit_scale": packed.scalars["logit_scale"],
        "images": len(pictures.files),
        "top1": 100 * int(np.trace(confusion)) / len(pictures.files),
        "seconds": result.seconds,
        "confusion": confusion.tolist(),
    }
    predictions = [
        {"file": file, "label": label, "predicted": int(predicted), "logits": logits.tolist()}
        for file, label, predicted, logits in zip(
            pictures.files, pictures.labels, result.predicted, result.logits, strict=True
        )
    ]
    if result.cycles:
        report["rtl"] = accelerator.identity().rtl
        for prediction, cycles in zip(predictions, result.cycles, strict=True):
            prediction["cycles"] = cycles
    return report | {"predictions": predictions}


def _beside_float(real, checkpoint: Path, pictures: Labelled, result: Result) -> dict:
    """Accuracy of the float model, and how often it gives the same class, in percent."""
    classes = float_classes(real, pictures.images)
    return {
        "checkpoint": str(checkpoint),
        "top1": 100 * float(np.mean(classes == pictures.labels)),
        "agreement": 100 * float(np.mean(classes == result.predicted)),
    }
