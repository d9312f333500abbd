"""The training loop."""

import json
import math
import time
from pathlib import Path

import torch

from sw.data import Dataset, normalise
from sw.model import BinaryViT, ModelConfig
from sw.model.checkpoint import save_checkpoint
from sw.train import state as states
from sw.train.calibration import calibrate_norms
from sw.train.distillation import loss as distillation_loss
from sw.train.errors import TrainError
from sw.train.recipe import Recipe, augment, pad

SAVE_SECONDS = 60
"""Seconds between two states on disk."""


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
    compiled : bool
        Compile the model first: worth its minute on long runs.

    Raises
    ------
    TrainError
        If the state in ``out`` belongs to another model or recipe, or the loss is not finite.
    """

    def __init__(self, config: ModelConfig, recipe: Recipe, data: Dataset, out: Path, soft=None,
                 compiled: bool = False):  # fmt: skip
        if len(data) < recipe.batch:
            raise TrainError(f"batch={recipe.batch} is larger than the {len(data)} pictures")
        self.config, self.recipe, self.out, self.soft = config, recipe, Path(out), soft
        self.data = data
        self.padded = pad(torch.from_numpy(data.images), recipe.shift)
        self.labels = torch.from_numpy(data.labels)
        torch.manual_seed(recipe.seed)
        self.model = BinaryViT(config).train()
        start_clips(self.model)
        self.forward = torch.compile(self.model) if compiled else self.model
        self.optimizer = self._optimizer()
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.step, self.seconds, self.curve = 0, 0.0, []
        self.order, self.loss, self.accuracy = None, math.nan, math.nan
        if (self.out / "state.pt").is_file():
            self._resume(states.read(self.out / "state.pt"))

    def _optimizer(self):
        clips, matrices, rest = [], [], []
        for name, parameter in self.model.named_parameters():
            if name.endswith("att_prob_clip"):
                clips.append(parameter)
            elif "patch_embeddings.projection.weight" in name or "classifier.weight" in name:
                matrices.append(parameter)
            else:
                rest.append(parameter)
        groups = [
            {"params": clips, "weight_decay": 0.0, "factor": self.recipe.clip_rate},
            {"params": matrices, "weight_decay": self.recipe.decay, "factor": 1.0},
            {"params": rest, "weight_decay": 0.0, "factor": 1.0},
        ]
        return torch.optim.AdamW(groups, lr=self.recipe.rate, fused=True)

    @property
    def steps_an_epoch(self) -> int:
        """Steps in one pass over the pictures."""
        return len(self.labels) // self.recipe.batch

    @property
    def done(self) -> float:
        """Share of the run that is over, 0..1."""
        if self.recipe.minutes is not None:
            return self.seconds / (60 * self.recipe.minutes)
        return self.step / (self.recipe.epochs * self.steps_an_epoch)

    def run(self, say=print, steps: int | None = None) -> None:
        """Train to the end of the recipe, or for ``steps`` more steps; then save everything."""
        saved = said = time.monotonic()
        last = math.inf if steps is None else self.step + steps
        while self.done < 1 and self.step < last:
            began = time.monotonic()
            self._step()
            now = time.monotonic()
            self.seconds += now - began
            if self.step == 1 or now - said > 10:
                self._report(say, self.recipe.batch / (now - began))
                said = now
            if now - saved > SAVE_SECONDS:
                self.save()
                saved = now
        self.save()
        if self.done >= 1:
            calibrate_norms(self.model, self.data)
            save_checkpoint(self.model, self.out / "model.safetensors")

    def _step(self):
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate_at(self.done) * group["factor"]
        index = self._next_index()
        pixels, mirrored = augment(self.padded, index, recipe, self.generator)
        logits = self.forward(normalise(pixels))
        soft = None if self.soft is None else self.soft[mirrored.long(), index]
        labels = self.labels[index]
        loss = distillation_loss(logits, labels, soft, recipe.hard, recipe.temperature)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainError(
                f"loss is {value} at step {self.step}; lower the learning rate"
                f" ({recipe.rate}) and resume from the last state"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():  # a probability is compared with c / 2: c must stay positive
            for clip in self.optimizer.param_groups[0]["params"]:
                clip.clamp_(min=1e-4)
        hit = (logits.detach().argmax(-1) == labels).float().mean().item()
        blend = 1 / min(self.step + 1, 100)
        self.loss = value if self.step == 0 else self.loss + blend * (value - self.loss)
        self.accuracy = hit if self.step == 0 else self.accuracy + blend * (hit - self.accuracy)
        self.step += 1

    def _next_index(self):
        position = self.step % self.steps_an_epoch
        if position == 0 or self.order is None:
            self.order = torch.randperm(len(self.labels), generator=self.generator)
        start = position * self.recipe.batch
        return self.order[start : start + self.recipe.batch]

    def _report(self, say, speed):
        point = {
            "step": self.step, "epoch": self.step / self.steps_an_epoch, "done": self.done,
            "seconds": self.seconds, "loss": self.loss, "accuracy": self.accuracy,
        }  # fmt: skip
        self.curve.append(point)
        say(
            f"{self.done:6.1%}  step {self.step}  epoch {point['epoch']:.2f}"
            f"  loss {self.loss:.3f}  training accuracy {self.accuracy:.1%}  {speed:.0f} pictures/s"
        )

    def save(self) -> None:
        """Write the resumable state and the learning curve."""
        self.out.mkdir(parents=True, exist_ok=True)
        states.write(self.out / "state.pt", {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "config": self.config.to_dict(), "recipe": self.recipe.to_dict(),
            "generator": self.generator.get_state(), "order": self.order, "step": self.step,
            "seconds": self.seconds, "curve": self.curve, "loss": self.loss,
            "accuracy": self.accuracy,
        })  # fmt: skip
        log = {"config": self.config.to_dict(), "recipe": self.recipe.to_dict(),
               "curve": self.curve}  # fmt: skip
        partial = self.out / "log.json.partial"
        partial.write_text(json.dumps(log, indent=1))
        partial.replace(self.out / "log.json")

    def _resume(self, state: dict) -> None:
        if state["config"] != self.config.to_dict():
            raise TrainError(f"{self.out}: holds a run of another model; use another --out")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        for name in ("order", "step", "seconds", "curve", "loss", "accuracy"):
            setattr(self, name, state[name])


@torch.no_grad()
def start_clips(model: BinaryViT) -> None:
    """Start each attention clip at the mean probability, one over the number of keys.

    At the authors' start, 0.005, every bit of an attention over fewer than 100 keys or so is 1,
    and short training does not get away from there.
    """
    config, layers = model.config, iter(model.vit.encoder.layer)
    for stage, depth in enumerate(config.depths):
        keys = config.tokens(stage) // config.reduction[stage] ** 2
        for _ in range(depth):
            next(layers).attention.attention.att_prob_clip.fill_(1 / keys)


@torch.no_grad()
def evaluate(model: BinaryViT, data: Dataset, batch: int = 250) -> float:
    """Share of ``data`` that the model classifies rightly; the model is put in eval mode."""
    model.eval()
    hits = 0
    for start in range(0, len(data), batch):
        logits = model(normalise(torch.from_numpy(data.images[start : start + batch])))
        labels = torch.from_numpy(data.labels[start : start + batch])
        hits += int((logits.argmax(-1) == labels).sum())
    return hits / len(data)
