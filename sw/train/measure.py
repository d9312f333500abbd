"""A trained row as an accelerator sees it: packed, its accuracy in integers, its cycles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from hw.spec import find_configuration
from hw.spec.image import SUFFIX
from sw.capability.reach import binaryvit_walk, reach
from sw.cli.facts import model_facts
from sw.compiler.bound import fused_bound
from sw.compiler.build import quantise_network, write
from sw.compiler.fold import fold
from sw.compiler.load import load as load_float
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule import network_program
from sw.data import Dataset
from sw.driver import Accelerator, DriverError
from sw.golden import run
from sw.model import from_checkpoint, saved_config
from sw.train.accuracy import evaluate

CHECKED = 10
"""Test pictures whose logits are compared, gateware against golden."""
BATCH = 256


def measure(
    folder: Path, data: str, test: Dataset, configuration: str, check_rtl: bool, say
) -> dict:
    """Pack ``folder/model.safetensors``, calibrated on the folder ``data``; measure it on ``test``.

    Raises
    ------
    CompileError, ModelError, DataError
        For files that cannot be used.
    DriverError
        If the gateware gives other logits than golden, or fails.
    """
    path = folder / "model.safetensors"
    config = saved_config(path)
    model = from_checkpoint(path, config.heads, config.reduction, config.depths)
    quantised, pictures = quantise_network(fold(load_float(model)), Path(data), say)
    packed = write(quantised, pictures, path.with_suffix(SUFFIX))
    program = network_program(packed, find_configuration(configuration))
    bits = model_facts(packed)["bits"]
    result = {
        "float": 100 * evaluate(model, test),
        "golden": 100 * float(np.mean(golden_classes(packed, test.images) == test.labels)),
        "pictures": len(test),
        "r": reach(binaryvit_walk(config))[-1],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "binary_weights": bits["binary weights"],
        "packed_bytes": path.with_suffix(SUFFIX).stat().st_size,
        "bound_cycles": fused_bound(program),
        "checked": 0,
    }
    if check_rtl:
        result |= {"checked": CHECKED, "cycles": check(packed, test.images[:CHECKED],
                                                       configuration, say)}  # fmt: skip
    return result


def golden_classes(packed: PackedNetwork, images: np.ndarray) -> np.ndarray:
    """Class numbers that the integer model gives uint8 pictures (N, H, W, 3)."""
    parts = torch.from_numpy(images).split(BATCH)
    return torch.cat([run(packed, part).argmax(1) for part in parts]).numpy()


def check(packed: PackedNetwork, images: np.ndarray, configuration: str, say) -> float:
    """Mean cycles a picture of the simulated gateware, once its logits equal golden's.

    Raises
    ------
    DriverError
        Naming the first picture whose logits differ.
    """
    want = run(packed, torch.from_numpy(images)).numpy()
    with Accelerator.open("sim", configuration, report=say) as accelerator:
        accelerator.load(packed)
        got = accelerator.run(images)
        cycles = float(np.mean(accelerator.cycles))
    wrong = np.flatnonzero((got != want).any(axis=1))
    if wrong.size:
        raise DriverError(
            f"test picture {wrong[0]}: the gateware gives {got[wrong[0]].tolist()}, golden "
            f"{want[wrong[0]].tolist()}; python -m sw diff shows the first tensor that differs"
        )
    say(f"gateware equals golden: {want.size} logits of {len(images)} pictures, "
        f"{cycles:,.0f} cycles a picture on {configuration}")  # fmt: skip
    return cycles
