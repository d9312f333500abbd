"""The training loop."""

import math
import time
from pathlib import Path

import torch

from sw.atomic import write_atomically, write_json
from sw.data import Dataset, normalise
from sw.model import BinaryViT, ModelConfig
from sw.model.checkpoint import checkpoint_bytes
from sw.train import state as states
from sw.train.augment import cutmix, seed_of
from sw.train.batches import Batches
from sw.train.calibration import calibrate_norms
from sw.train.distillation import ConsistentTeacher, targets_of
from sw.train.distillation import loss as distillation_loss
from sw.train.errors import NotFiniteError, TrainError
from sw.train.optimiser import make_average, make_optimiser
from sw.train.place import Place
from sw.train.recipe import Recipe
from sw.train.speed import Speed
from sw.train.start import refresh_stem, start_clips, start_from

SAVE_SECONDS = 60
"""Seconds between two states on disk."""
SAY_SECONDS = 10
"""Seconds between two points of the learning curve."""
WINDOW = 20
"""Steps between two looks at the losses: each look waits for the accelerator."""


class Trainer:
    """Trains one model; ``run()`` goes on from the state in ``out`` if there is one.

    Parameters
    ----------
    config : ModelConfig
    recipe : Recipe
    data : Dataset
        Training pictures only.
    out : Path
        Folder for ``state.pt`` (resumable), ``log.json`` (learning curve) and
        ``model.safetensors`` (the last weights, when the run is over).
    soft : tensor (2, N, classes) or None
        The teacher's logits of the pictures and of their mirror images.
    place : Place
    compiled : str
        Mode of ``torch.compile``, worth its minute on long runs; empty for none.
    init : Path or None
        Checkpoint to start from, of the same architecture unless the recipe says ``grow``.
    teacher : ConsistentTeacher or None
        What a recipe that is ``consistent`` distils from, in place of ``soft``.

    Raises
    ------
    TrainError
        If the state in ``out`` belongs to another run (only the rate may change, which helps
        one that diverged), or batch and processes do not fit.
    CheckpointError
        If ``init`` is of another architecture.
    """

    def __init__(self, config: ModelConfig, recipe: Recipe, data: Dataset, out: Path, soft=None,
                 place: Place | None = None, compiled: str = "",
                 init: Path | None = None,
                 teacher: ConsistentTeacher | None = None):  # fmt: skip
        self.config, self.recipe, self.out = config, recipe, Path(out)
        self.data, self.place, self.teacher = data, place or Place(), teacher
        self._check()
        self.origin = {"data": data.digest(), "teacher": targets_of(soft, teacher)}
        self.batches = Batches(data, recipe, soft, self.place)
        torch.manual_seed(recipe.seed)
        self.model = BinaryViT(config).train()
        start_clips(self.model)
        if init is not None:
            start_from(self.model, init, recipe)
        self.model.to(self.place.device)
        self.real = recipe.is_real(0.0)
        self.model.set_real(self.real)
        self.model.noise = recipe.noise
        self.average = make_average(self.model, recipe)
        self.optimizer = make_optimiser(self.model, recipe)
        self.speed = Speed(self.place)
        self.step, self.seconds, self.curve = 0, 0.0, []
        self.loss, self.accuracy = math.nan, math.nan
        self._pending = []
        if (self.out / "state.pt").is_file():
            self._resume(states.read(self.out / "state.pt"))
        if not self.place.same(self.step):
            raise TrainError(
                f"{out}: not every process finds the same state there; --out must be a folder "
                "that all of them share"
            )
        wrapped = self.place.parallel(self.model, unused=recipe.real > 0)
        self.forward = torch.compile(wrapped, mode=compiled) if compiled else wrapped

    def _check(self) -> None:
        recipe, world = self.recipe, self.place.world
        if len(self.data) < recipe.batch:
            raise TrainError(f"batch={recipe.batch} is larger than the {len(self.data)} pictures")
        if recipe.batch % world:
            raise TrainError(f"batch={recipe.batch} does not divide among {world} processes")
        if recipe.minutes is not None and world > 1:
            raise TrainError("minutes cannot be kept by several processes; give epochs")
        if recipe.consistent and self.teacher is None:
            raise TrainError("consistent=True needs a teacher; give one")

    @property
    def done(self) -> float:
        """Share of the run that is over, 0..1."""
        if self.recipe.minutes is not None:
            return self.seconds / (60 * self.recipe.minutes)
        return self.step / (self.recipe.epochs * self.batches.an_epoch)

    def run(self, say=print, steps: int | None = None) -> None:
        """Train to the end of the recipe, or for ``steps`` more steps; then save everything.

        Raises
        ------
        NotFiniteError
            If the loss is NaN or infinite; the last state on disk is from before that step.
        """
        saved = said = time.monotonic()
        last = math.inf if steps is None else self.step + steps
        self.speed.measure_feed(lambda: self.batches.batch(self.step), self.recipe.batch)
        while self.done < 1 and self.step < last:
            self._window(min(last, self.step + (WINDOW if self.step else 1)))
            now = time.monotonic()
            if not self.curve or now - said > SAY_SECONDS or self.done >= 1:
                self._report(say)
                said = now
            if now - saved > SAVE_SECONDS:
                self.save()
                saved = now
        self.save()
        if self.done >= 1:
            self._finish()
        say(f"speed: {self.speed.pictures:,.0f} pictures/s on {self.place.name}, augmentation "
            f"alone {self.speed.feed:,.0f}; the limit is {self.speed.limit}")  # fmt: skip

    def _window(self, last: int) -> None:
        """Steps up to ``last`` or to the run's end, then one look at their losses."""
        first = self.step
        self.speed.begin()
        while self.step < last and self.done < 1:
            self._step()
            if self.recipe.minutes is not None:
                break  # the share that is done is known only when the device is
        self.speed.queued()
        found = self.place.mean(torch.stack([torch.stack(pair) for pair in self._pending])).cpu()
        self._pending.clear()
        self.seconds += self.speed.end((self.step - first) * self.recipe.batch)
        for step, (loss, hit) in enumerate(found.tolist(), start=first):
            if not math.isfinite(loss):
                raise self._diverged(f"loss is {loss} at step {step}")
            blend = 1 / min(step + 1, 100)
            self.loss = loss if step == 0 else self.loss + blend * (loss - self.loss)
            self.accuracy = hit if step == 0 else self.accuracy + blend * (hit - self.accuracy)

    def _diverged(self, what: str) -> NotFiniteError:
        saved = (self.out / "state.pt").is_file()
        kept = f"the last good state is kept in {self.out}" if saved else "nothing was saved yet"
        return NotFiniteError(
            f"{what}; {kept}: run again with a lower rate ({self.recipe.rate} now) to go on"
        )

    def _step(self) -> None:
        recipe = self.recipe
        if self.real and not recipe.is_real(self.done):
            self._binarise()
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate_at(self.done) * group["factor"]
        pixels, labels, soft = self.batches.batch(self.step)
        if recipe.noise:  # from torch's own generators: made a function of the step, too
            torch.manual_seed(seed_of(recipe.seed, self.step, self.place.rank))
        own = cutmix(pixels, recipe.cutmix, self.batches.box_generator(self.step))
        if self.teacher is not None:
            soft = self.teacher(pixels)
        with self.place.autocast():
            logits = self.forward(normalise(pixels)).float()
        loss = distillation_loss(logits, labels, soft, recipe.hard, recipe.temperature)
        if own < 1:
            kept = soft is not None and self.teacher is None  # of the other picture alone
            of_box = distillation_loss(
                logits, labels.roll(1), soft.roll(1, 0) if kept else soft, recipe.hard,
                recipe.temperature,
            )  # fmt: skip
            loss = own * loss + (1 - own) * of_box
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():  # a probability is compared with c / 2: c must stay positive
            for clip in self.optimizer.param_groups[0]["params"]:
                clip.clamp_(min=1e-4)
            if self.average:
                torch._foreach_lerp_(self.average, list(self.model.parameters()),
                                     1 - recipe.average)  # fmt: skip
        hits = (logits.detach().argmax(-1) == labels).float().mean()
        self._pending.append((loss.detach(), hits))
        self.step += 1

    def _binarise(self) -> None:
        """The second step: binary from here, with a new optimiser."""
        self.real = False
        self.model.set_real(False)
        if self.recipe.fresh_stem:
            torch.manual_seed(self.recipe.seed + 1)  # the same stem in every process
            refresh_stem(self.model)
        self.optimizer = make_optimiser(self.model, self.recipe)
        self.average = make_average(self.model, self.recipe)

    def _finish(self) -> None:
        """The weights that are kept, with norms of the training pictures."""
        if self.average:
            with torch.no_grad():
                torch._foreach_copy_(list(self.model.parameters()), self.average)
        self.model.noise = 0.0
        calibrate_norms(self.model, self.data)
        if self.place.first:
            write_atomically(self.out / "model.safetensors", checkpoint_bytes(self.model))
        self.place.meet()

    def _report(self, say) -> None:
        point = {
            "step": self.step, "epoch": self.step / self.batches.an_epoch, "done": self.done,
            "seconds": self.seconds, "loss": self.loss, "accuracy": self.accuracy,
            "pictures_per_second": self.speed.pictures,
        }  # fmt: skip
        self.curve.append(point)
        say(
            f"{self.done:6.1%}  step {self.step}  epoch {point['epoch']:.2f}"
            f"  loss {self.loss:.3f}  training accuracy {self.accuracy:.1%}"
            f"  {self.speed.pictures:,.0f} pictures/s"
        )

    def save(self) -> None:
        """Write the resumable state and the learning curve; only the first process does.

        Raises
        ------
        NotFiniteError
            If the weights are no numbers, although the losses still were: the state stays good.
        """
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.parameters()):
            raise self._diverged(f"weights are no numbers behind step {self.step - 1}")
        if not self.place.first:
            return
        states.write(self.out / "state.pt", {
            "model": self.model.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "real": self.real,
            "step": self.step, "seconds": self.seconds, "curve": self.curve, "loss": self.loss,
            "accuracy": self.accuracy, **self._identity(),
        })  # fmt: skip
        log = self._identity() | {"step": self.step, "done": self.done,
                                  "speed": self.speed.to_dict(), "curve": self.curve}  # fmt: skip
        write_json(self.out / "log.json", log)

    def _identity(self) -> dict:
        """What a state must share with the run that goes on from it; the first difference is said.

        Data and teacher come first: without a teacher the recipe is another one, too.
        """
        return {"config": self.config.to_dict(), "pictures": len(self.data), **self.origin,
                "recipe": self.recipe.to_dict()}  # fmt: skip

    def _resume(self, state: dict) -> None:
        states.check_same_run(self.out, state, self._identity())
        if self.real and not state["real"]:
            self.real = False
            self.model.set_real(False)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for mine, kept in zip(self.average, state["average"], strict=True):
            mine.copy_(kept)
        for name in ("step", "seconds", "curve", "loss", "accuracy"):
            setattr(self, name, state[name])
