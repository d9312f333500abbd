"""Thresholds as means of what they are added to."""

import torch

from sw.data import normalise, random_pictures
from sw.model import random_binaryvit
from sw.model.probe import Probe
from sw.model.thresholds import centre_thresholds
from tests.sw.model.configs import TINY


class Means(Probe):
    """Greatest mean, over the channels, of what is binarised."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def at(self, prefix):
        return self

    def sign(self, name, x, threshold):
        self.found.append(float((x + threshold).flatten(0, -2).mean(0).abs().max()))
        return super().sign(name, x, threshold)


@torch.no_grad()
def test_everything_that_is_binarised_has_mean_zero():
    model, _ = random_binaryvit(3, config=TINY)
    pictures = normalise(torch.from_numpy(random_pictures(0, 8, TINY.image)))
    before, after = [], []
    model.run(pictures, Means(before))
    weights = model.classifier.weight.clone()
    centre_thresholds(model, pictures)
    model.run(pictures, Means(after))
    assert len(after) == len(before) > 20 and min(before) > 0.01
    assert max(after) < 1e-4 and torch.equal(model.classifier.weight, weights)
