"""The batches of a run, kept and made on the device: a step's batch is a function of its number."""

import torch

from sw.data import Dataset
from sw.train.augment import augment, generator_of, pad
from sw.train.place import Place
from sw.train.recipe import Recipe

_CPU = torch.device("cpu")
_ORDER, _BOX = -1, -2
"""What a generator is for, where it is not a process's augmentation (its number)."""


class Batches:
    """Every epoch the pictures in a new order; what does not fill a batch is left out.

    Parameters
    ----------
    data : Dataset
    recipe : Recipe
    soft : tensor (2, N, classes) or None
        The teacher's logits of the pictures and of their mirror images.
    place : Place
        Each process takes every ``world``-th picture of a batch.
    """

    def __init__(self, data: Dataset, recipe: Recipe, soft, place: Place):
        self.recipe, self.place = recipe, place
        self.soft = None if soft is None else soft.to(place.device)
        self.padded = pad(torch.from_numpy(data.images).to(place.device), recipe.shift)
        self.labels = torch.from_numpy(data.labels).to(place.device)
        self.epoch, self.order = -1, None

    @property
    def an_epoch(self) -> int:
        """Batches in one pass over the pictures."""
        return len(self.labels) // self.recipe.batch

    def batch(self, step: int):
        """The part of a step's batch that is this process's, augmented.

        Returns
        -------
        pixels : uint8 (B, H, W, 3)
        labels : int64 (B,)
        soft : float (B, classes) or None
        """
        recipe, place = self.recipe, self.place
        epoch, position = divmod(step, self.an_epoch)
        if epoch != self.epoch:
            generator = generator_of(_CPU, recipe.seed, epoch, _ORDER)
            order = torch.randperm(len(self.labels), generator=generator)
            self.epoch, self.order = epoch, order.to(place.device)
        start = position * recipe.batch
        index = self.order[start : start + recipe.batch][place.rank :: place.world]
        generator = generator_of(place.device, recipe.seed, step, place.rank)
        pixels, mirrored = augment(self.padded, index, recipe, generator)
        soft = None if self.soft is None else self.soft[mirrored.long(), index]
        return pixels, self.labels[index], soft

    def box_generator(self, step: int) -> torch.Generator:
        """Dice for the step's :func:`sw.train.augment.cutmix`, the same in every process."""
        return generator_of(_CPU, self.recipe.seed, step, _BOX)
