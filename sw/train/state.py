"""The state of a run on disk: written atomically, complete to the step."""

import io
import pickle
from pathlib import Path

import torch

from sw.atomic import write_atomically
from sw.train.errors import TrainError

PARTS = {"model", "average", "optimizer", "step", "config", "recipe", "pictures", "data", "teacher"}
"""What every state holds, and more."""


def write(path: Path, state: dict) -> None:
    """Write ``state`` so that ``path`` always holds one whole state, also after a crash."""
    content = io.BytesIO()
    torch.save(state, content)
    write_atomically(path, content.getvalue())


def read(path: Path) -> dict:
    """Read a state written by :func:`write`, onto the processor.

    Raises
    ------
    TrainError
        If the file is damaged or of another kind.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        missing = PARTS - set(state)
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, OSError, ValueError):
        raise TrainError(f"{path}: not a training state; remove it to start anew") from None
    if missing:
        raise TrainError(
            f"{path}: a training state without {', '.join(sorted(missing))}; remove it to start "
            "anew"
        )
    return state


def check_same_run(out: Path, state: dict, now: dict) -> None:
    """Refuse a state of another model, recipe or number of pictures; only the rate may change.

    Raises
    ------
    TrainError
        Naming the first difference.
    """
    for part, wanted in now.items():
        then = state[part] if isinstance(wanted, dict) else {part: state[part]}
        for name, value in (wanted if isinstance(wanted, dict) else {part: wanted}).items():
            if name != "rate" and then.get(name) != value:
                raise TrainError(
                    f"{out}: holds a run of another {part}: {name} was {then.get(name)}, now it "
                    f"is {value}; use another --out"
                )
