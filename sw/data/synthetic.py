"""Pictures made from a seed: smooth shapes at all scales, with natural-like statistics."""

import numpy as np


def random_pictures(seed: int, count: int, size: int) -> np.ndarray:
    """Sum noise of every scale, each twice as strong as the next finer one (about a 1/f spectrum).

    Parameters
    ----------
    seed, count : int
    size : int
        Height and width in pixels.

    Returns
    -------
    uint8 array (count, size, size, 3)
        Each picture spans most of 0..255; the colours are correlated, as in photographs.
    """
    import torch
    import torch.nn.functional as F

    generator = torch.Generator().manual_seed(seed)
    total, strength, cells = torch.zeros(count, 3, size, size), 1.0, 2
    while cells <= size:
        grey = torch.randn(count, 1, cells, cells, generator=generator)
        colour = torch.randn(count, 3, cells, cells, generator=generator)
        noise = 0.8 * grey + 0.6 * colour
        total += strength * F.interpolate(noise, (size, size), mode="bilinear", align_corners=False)
        strength, cells = strength / 1.6, cells * 2
    spread = total.flatten(1).std(1).view(-1, 1, 1, 1)
    pixels = (128 + 60 * total / spread).round().clamp(0, 255)
    return pixels.permute(0, 2, 3, 1).to(torch.uint8).contiguous().numpy()
