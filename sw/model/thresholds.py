"""Thresholds as calibration means, for a model that learned none, or to see what learning gives.

Source: BinaryViT (Le and Li, CVPRW 2023), section 3: a threshold vector centres what is binarised.
"""

import torch

from sw.model.binaryvit import BinaryViT
from sw.model.probe import Probe


class _Centre(Probe):
    """Sets every threshold to minus its input's mean, before the sign is taken."""

    def at(self, prefix):
        return self

    def sign(self, name, x, threshold):
        threshold.copy_(-x.flatten(0, -2).mean(0))
        return super().sign(name, x, threshold)


@torch.no_grad()
def centre_thresholds(model: BinaryViT, pictures: torch.Tensor) -> None:
    """Replace every threshold by minus the mean, per channel, of the elements it is added to.

    One pass from the stem on: each mean is taken behind the thresholds that are already replaced.

    Parameters
    ----------
    model : BinaryViT
        In eval mode, float32; its norms' statistics are left as they are.
    pictures : float tensor (N, H, W, 3)
        Normalised calibration pictures.
    """
    model.run(pictures, _Centre())
