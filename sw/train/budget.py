"""``python -m sw.train.budget``: what a recipe's model takes of a small device, before training.

A model of the recipe's sizes with random parameters is packed and scheduled: sizes, program and
bounds depend on nothing else.  With a packed file or a shipped model, of that.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table

from hw.spec import find_configuration
from sw.bad_input import bad_input
from sw.cli.facts import model_facts
from sw.compiler.bound import fused_bound
from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.packed import PackedNetwork
from sw.compiler.quantise import quantise
from sw.compiler.schedule import NetworkProgram, network_program
from sw.data import random_pictures
from sw.files import load_model
from sw.model import ModelConfig, random_binaryvit
from sw.train.recipes import RECIPES

CONFIGURATION = "7x16x64-l32"
MBIT = 1_000_000
PICTURES = 8
"""Random pictures that set the scales of a model that has none."""


@dataclass(frozen=True)
class Rule:
    """One figure of a model, and the most that it may be (None: only told)."""

    what: str
    value: float
    limit: float | None
    unit: str

    @property
    def kept(self) -> bool:
        """Whether the figure is within its limit."""
        return self.limit is None or self.value <= self.limit


def random_packed(config: ModelConfig) -> PackedNetwork:
    """A model of these sizes with random parameters, packed."""
    model, _ = random_binaryvit(0, config=config)
    pictures = torch.from_numpy(random_pictures(1, PICTURES, config.image))
    return quantise(fold(load(model)), pictures).packed


def budget(packed: PackedNetwork, program: NetworkProgram) -> list[Rule]:
    """The rules of a model that one ECP5-85F holds without external memory.

    Values are what x, u and row memory hold at most at once in the program, which fetches ahead.
    """
    bits = model_facts(packed)["bits"]
    resident = sum(bits.values()) + 128 * program.regions["program"]
    memories = program.configuration.memories()
    values = sum(program.usage[name][0] * memories[name][1] for name in ("x", "u", "row"))
    binary, real = bits["binary weights"], sum(
        layer.matrix.size for layer in packed.layers.values() if layer.matrix is not None
    )  # fmt: skip
    return [
        Rule("binary weights", binary / MBIT, None, "Mbit"),
        Rule("weights and per-channel parameters",
             (binary + bits["per-channel parameters"]) / MBIT, 2.6, "Mbit"),
        Rule("resident: those, matrices, positions, tables, program", resident / MBIT, 3.3, "Mbit"),
        Rule("values and bits on chip", values / MBIT, None, "Mbit"),
        Rule("resident with values and bits", (resident + values) / MBIT, None, "Mbit"),
        Rule("real weights", 100 * real / (real + binary), 2.0, "%"),
        Rule("binary MAC", sum(o.macs for o in program.operations) / MBIT, None, "million"),
        Rule("fused bound", fused_bound(program), 22_000, "cycles"),
    ]  # fmt: skip


def main(argv=None) -> int:
    """Print the table; exit status 1 where a limit is exceeded, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m sw.train.budget", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--recipe", choices=list(RECIPES), default="cifar10")
    which.add_argument("--model", help="packed file or shipped model")
    parser.add_argument("--config", default=CONFIGURATION, help=f"default {CONFIGURATION}")
    arguments = parser.parse_args(argv)
    try:
        configuration = find_configuration(arguments.config)
        if arguments.model:
            packed = load_model(arguments.model)
        else:
            packed = random_packed(RECIPES[arguments.recipe].model)
        rules = budget(packed, network_program(packed, configuration))
    except bad_input() as error:
        print(f"budget: {error}", file=sys.stderr)
        return 2
    table = Table("", title=f"{arguments.model or arguments.recipe} on {arguments.config}")
    for column in ("is", "at most", ""):
        table.add_column(column, justify="right")
    for rule in rules:
        places = 0 if rule.unit == "cycles" else 2
        limit = "" if rule.limit is None else f"{rule.limit:,.{places}f}"
        mark = "" if rule.limit is None else ("kept" if rule.kept else "EXCEEDED")
        table.add_row(rule.what, f"{rule.value:,.{places}f} {rule.unit}", limit, mark)
    Console(width=100).print(table)
    return 0 if all(rule.kept for rule in rules) else 1


if __name__ == "__main__":
    sys.exit(main())
