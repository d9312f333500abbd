"""Command line of training: ``python -m sw.train --recipe NAME --data DIR [--teacher FILE]``."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from sw.atomic import write_json
from sw.bad_input import bad_input
from sw.data import Dataset, Skip, load
from sw.driver import DriverError
from sw.figures import NoPicture
from sw.files import check_output
from sw.train.ablation import run_ablation
from sw.train.accuracy import evaluate
from sw.train.curve import draw_curve
from sw.train.distillation import ConsistentTeacher, teacher_logits
from sw.train.errors import NotFiniteError, TrainError
from sw.train.memory import keep_freed_memory
from sw.train.options import ABLATION, changed, chosen, no_sizes, parse
from sw.train.pictures import check_data, test_pictures
from sw.train.place import Place
from sw.train.recipes import LONG, Named
from sw.train.trainer import Trainer

ABLATION_EPOCHS = 100
"""Of every row, unless told otherwise."""


def _speaker(place: Place):
    """Progress: one live line on a terminal, plain lines elsewhere; one process speaks."""
    if not place.first:
        return lambda line: None
    if not sys.stdout.isatty():
        return lambda line: print(line, flush=True)
    from rich.console import Console

    console = Console(highlight=False)
    return lambda line: console.print(line, end="\r" if "training accuracy" in line else "\n")


def _logits(arguments, data: Dataset, out: Path, place: Place, say):
    """The teacher's logits; the first process computes them, the others read what it kept."""
    if place.first:
        teacher_logits(arguments.teacher, data, out, say, place.device)
    place.meet()
    return teacher_logits(arguments.teacher, data, out, say, place.device)


def _split(data: Dataset, held_out: int) -> tuple[Dataset, Dataset | None]:
    """Training pictures, and those kept aside: the same ones for every seed."""
    if not held_out:
        return data, None
    if not 0 < held_out < len(data):
        raise TrainError(f"--held-out {held_out}: there are {len(data)} training pictures")
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(0)).numpy()
    return data.take(order[held_out:]), data.take(order[:held_out])


def train(arguments, named: Named, out: Path, place: Place, say, skip: Skip | None,
          logits: Path | None = None) -> None:  # fmt: skip
    """One model to its end; the teacher's logits are kept in ``logits``, by default ``out``."""
    data = load(arguments.data, "train", named.model.image, skip)
    check_data(arguments.data, data, named.model)
    test = test_pictures(arguments.data, data.class_names, named.model, skip)
    data, held_out = _split(data, arguments.held_out)
    soft = teacher = None
    if arguments.teacher is not None and named.recipe.consistent:
        teacher = ConsistentTeacher(arguments.teacher, data, place)
    elif arguments.teacher is not None:
        soft = _logits(arguments, data, logits or out, place, say)
    else:
        say("no teacher: labels alone")
    say(f"model: {named.model.parameter_bits() / 1000:.0f} kbit of binary weights and parameters")
    trainer = Trainer(
        named.model, named.recipe, data, out, soft, place, arguments.compile, arguments.init,
        teacher,
    )  # fmt: skip
    trainer.run(say, arguments.steps)
    if not place.first or trainer.done < 1:
        return
    result = {"recipe": arguments.recipe, "teacher": arguments.teacher and arguments.teacher.name,
              "torch": torch.__version__, "seconds": trainer.seconds}  # fmt: skip
    if held_out is not None:
        result["held_out"] = evaluate(trainer.model, held_out)
        say(f"held-out training pictures: {result['held_out']:.2%}")
    if test is not None:
        result |= {"test": evaluate(trainer.model, test), "test_pictures": len(test)}
    log = json.loads((out / "log.json").read_text()) | {"result": result}
    write_json(out / "log.json", log)
    try:
        draw_curve(log, out / "curve.png", f"{arguments.recipe}, seed {named.recipe.seed}")
    except NoPicture as error:
        say(str(error))
    if test is None:
        say(f"no test accuracy: {arguments.data} keeps no test pictures apart (train/, test/)")
    else:
        say(f"test accuracy of the last weights: {result['test']:.2%} of {len(test):,} pictures")
    say(f"weights: {out / 'model.safetensors'}")


def run(arguments) -> None:
    """What the command line asks for."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    place = Place.find(arguments.device)
    if place.device.type == "cpu":
        keep_freed_memory()
    say = _speaker(place)
    out = arguments.out or Path("build/train") / arguments.recipe
    if place.first:
        out.mkdir(parents=True, exist_ok=True)
        check_output("--out", out / "log.json")
    skip = say if arguments.skip_unreadable else None
    try:
        if arguments.recipe == ABLATION:
            no_sizes(arguments)
            recipe = changed(replace(LONG, epochs=ABLATION_EPOCHS), arguments)
            run_ablation(arguments, recipe, out, place, say, skip, train)
        else:
            train(arguments, chosen(arguments), out, place, say, skip)
    finally:
        place.leave()


def main(argv=None) -> int:
    """Run the command line; the exit status is 2 for bad input, 1 where training fails."""
    try:
        run(parse(argv))
    except (*bad_input(), TrainError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except (NotFiniteError, DriverError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; run again to go on from the last state", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
