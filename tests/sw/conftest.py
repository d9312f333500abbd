"""Compiled random models, made once a session."""

from __future__ import annotations

from functools import cache

import pytest

from sw.compiler.fold import fold
from sw.compiler.load import load
from sw.compiler.quantise import quantise
from tests.sw.golden.random_model import CONFIGS, pictures, random_model


@cache
def compiled(name: str):
    """(float model, folded, quantised, test pictures) of a configuration."""
    config = CONFIGS[name]
    model = random_model(config)
    folded = fold(load(model))
    images = pictures(config, 16, 1)
    return model, folded, quantise(folded, images), images[:4]


@pytest.fixture(params=CONFIGS)
def network(request):
    """Every configuration in turn."""
    return compiled(request.param)


@pytest.fixture
def pyramid():
    """The pyramid alone."""
    return compiled("pyramid")
