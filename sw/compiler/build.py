"""The compiler's stages in a row: from a checkpoint to a packed image.

PyTorch is loaded where a stage needs it, so that bad options are refused at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sw.compiler.errors import CompileError
from sw.compiler.packed import PackedNetwork
from sw.files import check_output

if TYPE_CHECKING:
    from torch import Tensor

    from sw.compiler.folded import FoldedNetwork
    from sw.compiler.load import FloatNetwork
    from sw.compiler.quantised import QuantisedNetwork

Report = Callable[[str], None]
EXAMPLES = {"--heads": "--heads 1,2,4,8", "--reduction": "--reduction 8,4,1,1"}


def compile_checkpoint(
    checkpoint: Path,
    output: Path,
    heads: str | None,
    reduction: str | None,
    depths: str | None,
    calibration: Path | None,
    report: Report,
) -> PackedNetwork:
    """Writes the packed image of a checkpoint; arguments are those of the command line.

    Raises
    ------
    InputError, CompileError, ModelError, DataError, OSError
        One line: the option, file or tensor that is wrong, and the remedy.
    """
    check_checkpoint(checkpoint)
    check_output("--output", output)
    network = load_network(checkpoint, heads, reduction, depths, report)

    from sw.compiler.fold import fold

    quantised, images = quantise_network(fold(network), calibration, report)
    return write(quantised, images, output)


def check_checkpoint(path: Path) -> None:
    """Raises CompileError for a checkpoint that is not there."""
    if not path.is_file():
        raise CompileError(f"{path}: no such file; give a safetensors or torch checkpoint")


def load_network(
    checkpoint: Path,
    heads: str | None,
    reduction: str | None,
    depths: str | None,
    report: Report,
) -> FloatNetwork:
    """The network of a checkpoint; weights of exactly 0 are reported."""
    check_checkpoint(checkpoint)
    for option, value in (("--heads", heads), ("--reduction", reduction)):
        if not value:
            raise CompileError(
                f"{option}: a checkpoint does not hold it; give one number a "
                "stage, for example " + EXAMPLES[option]
            )
    numbers = (
        _numbers("--heads", heads) or [],
        _numbers("--reduction", reduction) or [],
        _numbers("--depths", depths),
    )

    from sw.compiler.load import load
    from sw.model import from_checkpoint
    from sw.model.checkpoint import exact_zeros

    module = from_checkpoint(checkpoint, *numbers)
    for name, count in exact_zeros(module).items():
        report(f"{name}: {count} weights are exactly 0 where their sign is taken; they become +1")
    return load(module)


def _numbers(option: str, text: str | None) -> list[int] | None:
    try:
        return [int(part) for part in text.split(",")] if text else None
    except ValueError:
        raise CompileError(f"{option} {text!r}: no comma-separated list of whole numbers") from None


def quantise_network(
    folded: FoldedNetwork, calibration: Path | None, report: Report
) -> tuple[QuantisedNetwork, Tensor]:
    """Scales from pictures, which are returned too; class names from their data set."""
    from sw.compiler.pictures import calibration_pictures
    from sw.compiler.quantise import quantise

    shape = folded.shape
    images, names = calibration_pictures(calibration, shape.image)
    if len(names) == shape.classes:
        folded = replace(folded, class_names=names)
    elif names:
        report(
            f"{calibration} has {len(names)} classes, the model has "
            f"{shape.classes}: its classes stay numbers"
        )
    return quantise(refined(folded, images), images), images


def refined(folded: FoldedNetwork, images: Tensor) -> FoldedNetwork:
    """The network in the form that loses least to integers: same function but for 8-bit matrices.

    Pictures are uint8 (N, H, W, 3).
    """
    from sw.compiler.calibrate import calibrate
    from sw.compiler.equalise import equalise
    from sw.compiler.rounding import round_matrices

    seen = calibrate(folded, images)
    network, _ = equalise(round_matrices(folded, seen.moments), seen)
    return network


def write(quantised: QuantisedNetwork, images: Tensor, path: Path) -> PackedNetwork:
    """Writes the packed image, with the saturation measured on the pictures.

    Raises
    ------
    CapabilityError
        For an accumulator that could leave its format; nothing is written.
    """
    from sw.capability.intervals import intervals
    from sw.compiler.pack import pack
    from sw.golden.saturation import with_saturation

    intervals(quantised.packed)
    packed = with_saturation(quantised.packed, images)
    pack(packed, path)
    return packed
