"""Command line of training: ``python -m sw.train --data DIR [--teacher FILE] [--out DIR]``."""

import argparse
import sys
from pathlib import Path

import torch

from sw.data import DataError, load
from sw.model import ModelConfig, ModelError
from sw.train.distillation import teacher_logits
from sw.train.errors import TrainError
from sw.train.recipe import Recipe
from sw.train.trainer import Trainer, evaluate


def _arguments(argv):
    parser = argparse.ArgumentParser(
        prog="python -m sw.train",
        description="Train a BinaryViT on small pictures; goes on where a run in --out stopped.",
    )
    add, recipe, model = parser.add_argument, Recipe(), ModelConfig()
    add("--data", required=True, help="cifar-10-batches-py, mosaic folder, or train/ and test/")
    add("--teacher", type=Path, help="CIFAR ResNet (.npz) to distil from")
    add("--out", type=Path, default=Path("build/train"), help="folder for state, log and weights")
    add("--epochs", type=float, default=recipe.epochs)
    add("--minutes", type=float, help="length in minutes, instead of --epochs")
    add("--batch", type=int, default=recipe.batch)
    add("--rate", type=float, default=recipe.rate, help="peak learning rate")
    add("--hard", type=float, default=recipe.hard, help="share of the labels in the loss")
    add("--temperature", type=float, default=recipe.temperature)
    add("--seed", type=int, default=recipe.seed)
    add("--held-out", type=int, default=0, help="training pictures kept aside for validation")
    add("--compile", action="store_true", help="compile the model first: faster steps")
    add("--threads", type=int, help="processor threads; on a busy machine fewer are faster")
    for name in ("channels", "depths", "reduction", "heads", "hidden"):
        default = getattr(model, name)
        add(f"--{name}", type=int, nargs="+", default=default, help="one number a stage")
    add("--image", type=int, default=model.image)
    add("--patch", type=int, default=model.patch)
    return parser.parse_args(argv)


def _speaker():
    """Progress: one live line on a terminal, plain lines elsewhere."""
    if not sys.stdout.isatty():
        return lambda line: print(line, flush=True)
    from rich.console import Console

    console = Console(highlight=False)
    return lambda line: console.print(line, end="\r" if "pictures/s" in line else "\n")


def train(arguments) -> None:
    """Train by the parsed command line, and report the test accuracy of the last weights."""
    say = _speaker()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    data = load(arguments.data, "train", arguments.image)
    config = ModelConfig(
        image=arguments.image, patch=arguments.patch, classes=len(data.class_names),
        channels=arguments.channels, depths=arguments.depths, reduction=arguments.reduction,
        heads=arguments.heads, hidden=arguments.hidden,
    )  # fmt: skip
    recipe = Recipe(
        epochs=arguments.epochs, minutes=arguments.minutes, batch=arguments.batch,
        rate=arguments.rate, hard=arguments.hard, temperature=arguments.temperature,
        seed=arguments.seed,
    )  # fmt: skip
    held_out = None
    if arguments.held_out:
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0)).numpy()
        held_out = data.take(order[: arguments.held_out])
        data = data.take(order[arguments.held_out :])
    arguments.out.mkdir(parents=True, exist_ok=True)
    soft = None
    if arguments.teacher is not None:
        soft = teacher_logits(arguments.teacher, data, arguments.out, say)
    say(f"model: {config.parameter_bits() / 1000:.0f} kbit of binary weights and parameters")
    trainer = Trainer(config, recipe, data, arguments.out, soft, arguments.compile)
    trainer.run(say)
    if held_out is not None:
        say(f"held-out training pictures: {evaluate(trainer.model, held_out):.2%}")
    test = load(arguments.data, "test", arguments.image)
    say(f"test accuracy of the last weights: {evaluate(trainer.model, test):.2%}")
    say(f"weights: {arguments.out / 'model.safetensors'}")


def main(argv=None) -> int:
    """Run the command line; the exit status is 1 after an error of the user's making."""
    try:
        train(_arguments(argv))
    except (DataError, ModelError, TrainError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; run again to go on from the last state", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
