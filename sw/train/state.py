"""The state of a run on disk: written atomically, complete to the step."""

import pickle
from pathlib import Path

import torch

from sw.train.errors import TrainError


def write(path: Path, state: dict) -> None:
    """Write ``state`` so that ``path`` always holds one whole state, also after a crash."""
    partial = path.with_name(path.name + ".partial")
    torch.save(state, partial)
    partial.replace(path)


def read(path: Path) -> dict:
    """Read a state written by :func:`write`.

    Raises
    ------
    TrainError
        If the file is damaged or of another kind.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        missing = {"model", "optimizer", "step", "config"} - set(state)
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, OSError, ValueError):
        raise TrainError(f"{path}: not a training state; remove it to start anew") from None
    if missing:
        raise TrainError(f"{path}: a training state without {', '.join(sorted(missing))}")
    return state
