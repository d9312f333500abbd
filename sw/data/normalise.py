"""From pixels to the model's input."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation per colour (red, green, blue) of pictures scaled to 0..1."""


def normalise(pixels: torch.Tensor) -> torch.Tensor:
    """Pixels 0..255 (..., 3) to floats: scaled to 0..1, minus the mean, over the deviation."""
    mean, deviation = _statistics(pixels.device)
    return (pixels.float() - mean) / deviation


@cache
def _statistics(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of pixels 0..255; on an accelerator a copy a call would cost a wait."""
    import torch

    return 255 * torch.tensor(MEAN, device=device), 255 * torch.tensor(STD, device=device)
