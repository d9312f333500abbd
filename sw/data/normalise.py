"""From pixels to the model's input."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation per colour (red, green, blue) of pictures scaled to 0..1."""


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels 0..255 (..., 3) to floats: scaled to 0..1, minus the mean, over the deviation."""
    import torch

    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    return (pixels.float() - 255 * mean) / (255 * std)
