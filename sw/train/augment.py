"""Batches of augmented pictures, made where the pictures are: on the accelerator if there is one.

All randomness is a function of seed, step and process, so a run resumes without any state of it.
"""

import torch
import torch.nn.functional as F

from sw.train.recipe import Recipe

_PRIMES = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""Odd constants (Weyl and SplitMix64 steps) that spread neighbouring numbers apart."""


def seed_of(*numbers: int) -> int:
    """A 63-bit seed of up to three numbers, neighbours far apart."""
    mixed = 0
    for number, prime in zip(numbers, _PRIMES, strict=False):
        mixed = (mixed ^ (number + 1)) * prime % (1 << 64)
        mixed ^= mixed >> 31
    return mixed >> 1


def generator_of(device: torch.device, *numbers: int) -> torch.Generator:
    """A generator on ``device`` with :func:`seed_of` the numbers."""
    return torch.Generator(device).manual_seed(seed_of(*numbers))


def pad(images: torch.Tensor, shift: int) -> torch.Tensor:
    """Zero border of ``shift`` pixels around pictures (N, H, W, 3), from which crops are cut."""
    return F.pad(images, (0, 0, shift, shift, shift, shift))


def augment(padded, index, recipe: Recipe, generator: torch.Generator):
    """Cut a random crop of each picture ``index`` and mirror half of them, in one gather.

    ``padded``, ``index`` and ``generator`` are on the same device.

    Returns
    -------
    pixels : uint8 (B, H, W, 3)
    mirrored : bool (B,)
    """
    batch, width = len(index), padded.shape[2] - 2 * recipe.shift
    height, device = padded.shape[1] - 2 * recipe.shift, padded.device
    many = {"generator": generator, "device": device}
    offset = torch.randint(0, 2 * recipe.shift + 1, (2, batch, 1, 1), **many)
    mirrored = torch.rand(batch, **many) < (0.5 if recipe.flip else 0.0)
    rows = offset[0] + torch.arange(height, device=device).view(1, height, 1)
    columns = torch.arange(width, device=device).view(1, 1, width).expand(batch, 1, width)
    columns = torch.where(mirrored.view(-1, 1, 1), width - 1 - columns, columns) + offset[1]
    return padded[index.view(-1, 1, 1), rows, columns], mirrored


def cutmix(pixels, share: float, generator: torch.Generator):
    """In ``share`` of the calls, put a box of the next picture of the batch into every picture.

    ``pixels`` (B, H, W, 3) is changed in place; ``generator`` is on the processor, where the box
    is drawn (Yun et al. 2019, area uniform in 0..1).

    Returns
    -------
    float
        Share of the picture that is still its own; its other labels are those of
        ``roll(labels, 1)``.
    """
    if not share:
        return 1.0
    draw = torch.rand(4, generator=generator).tolist()
    if draw[0] >= share:
        return 1.0
    height, width = pixels.shape[1:3]
    edge = (1 - draw[1]) ** 0.5
    top, left = int(draw[2] * height - edge * height / 2), int(draw[3] * width - edge * width / 2)
    rows = slice(max(0, top), min(height, top + round(edge * height)))
    columns = slice(max(0, left), min(width, left + round(edge * width)))
    pixels[:, rows, columns] = pixels.roll(1, 0)[:, rows, columns]
    inside = max(0, rows.stop - rows.start) * max(0, columns.stop - columns.start)
    return 1 - inside / (height * width)
