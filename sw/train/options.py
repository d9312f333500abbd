"""The options of ``python -m sw.train``: every field of a recipe and of a model is one."""

import argparse
from dataclasses import fields, replace
from pathlib import Path

from sw.train.errors import TrainError
from sw.train.recipe import Recipe
from sw.train.recipes import RECIPES, Named

ABLATION = "ablation"
"""The recipe that is five models."""
COMPILE_MODES = (
    "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs",
)  # fmt: skip
SIZES = ("channels", "depths", "reduction", "heads", "hidden")


def parse(argv) -> argparse.Namespace:
    """The command line; a wrong one ends with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m sw.train",
        description="Train a BinaryViT on small pictures; goes on where a run in --out stopped. "
        "Several processes: torchrun --nproc_per_node=N -m sw.train ...",
    )
    add = parser.add_argument
    known = "; ".join(f"{name}: {named.why}" for name, named in RECIPES.items())
    add("--recipe", choices=[*RECIPES, ABLATION], default="cifar10",
        help=f"{known}; {ABLATION}: five models, each property of the paper in turn")  # fmt: skip
    add("--data", required=True, help="cifar-10-batches-py, mosaic folder, or train/ and test/")
    add("--teacher", type=Path, help="CIFAR ResNet (.npz) to distil from")
    add("--out", type=Path, help="folder for state, log and weights; default build/train/RECIPE")
    add("--init", type=Path, help="checkpoint to start from; with --grow a shallower one")
    add("--held-out", type=int, default=0, help="training pictures kept aside for validation")
    add("--skip-unreadable", action="store_true", help="leave unreadable pictures out, by name")
    add("--device", help="cpu or cuda; default: the accelerator if there is one")
    add("--compile", nargs="?", const="default", default="", metavar="MODE", choices=COMPILE_MODES,
        help="compile the model first, for long runs; MODE, of torch.compile: "
        + ", ".join(COMPILE_MODES))  # fmt: skip
    add("--threads", type=int, help="processor threads; on a busy machine fewer are faster")
    add("--steps", type=int, help="stop after so many more steps, resumable")
    ablation = parser.add_argument_group(ABLATION)
    ablation.add_argument("--seeds", type=int, default=2, help="runs of every row (default 2)")
    ablation.add_argument("--check-rtl", action=argparse.BooleanOptionalAction, default=True,
                          help="run 10 pictures of every row through the gateware")  # fmt: skip
    ablation.add_argument("--config", default="4x8x64-l16", help="accelerator of cycles and check")
    settings = parser.add_argument_group("settings that replace the recipe's")
    for field in fields(Recipe):
        kind = field.type if isinstance(field.type, type) else float
        action = {"action": argparse.BooleanOptionalAction} if kind is bool else {"type": kind}
        settings.add_argument(f"--{field.name.replace('_', '-')}", default=None, **action)
    sizes = parser.add_argument_group("sizes that replace the recipe's, one number a stage")
    for name in SIZES:
        sizes.add_argument(f"--{name}", type=int, nargs="+", default=None)
    for name in ("image", "patch", "classes"):
        sizes.add_argument(f"--{name}", type=int, default=None)
    arguments = parser.parse_args(argv)
    if arguments.threads is not None and arguments.threads < 1:
        parser.error(f"--threads {arguments.threads}: use at least 1")
    return arguments


def chosen(arguments: argparse.Namespace) -> Named:
    """The named recipe with what the command line replaces; without a teacher not ``consistent``.

    Raises
    ------
    TrainError, ConfigError
        Naming the value that is out of range.
    """
    named = RECIPES[arguments.recipe]
    model = replace(named.model, **_given(arguments, [*SIZES, "image", "patch", "classes"]))
    recipe = changed(named.recipe, arguments)
    if arguments.teacher is None and not arguments.consistent:
        recipe = replace(recipe, consistent=False)
    return Named(model, recipe, named.why)


def changed(recipe: Recipe, arguments: argparse.Namespace) -> Recipe:
    """The recipe with the settings that the command line gives."""
    return replace(recipe, **_given(arguments, [field.name for field in fields(Recipe)]))


def no_sizes(arguments: argparse.Namespace) -> None:
    """Refuse sizes where they are the recipe's point.

    Raises
    ------
    TrainError
    """
    given = _given(arguments, [*SIZES, "image", "patch", "classes"])
    if given or arguments.init:
        raise TrainError(
            f"--{next(iter(given), 'init')}: the {ABLATION} compares fixed architectures; leave "
            "it out"
        )


def _given(arguments: argparse.Namespace, names: list[str]) -> dict:
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}
