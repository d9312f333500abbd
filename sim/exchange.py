"""Arrays and parameters between the host and a testbench in the simulator's process.

The host writes a folder, the testbench reads it, and the other way round for results:

* ``parameters.json``: what the host passes by value;
* ``inputs.npz``: arrays for the testbench;
* ``outputs.npz`` and ``outputs.json``: arrays and values from the testbench.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

FOLDER_VARIABLE = "BVIT_EXCHANGE"


def folder() -> Path:
    """The exchange folder, as the testbench sees it."""
    return Path(os.environ[FOLDER_VARIABLE])


def parameters() -> dict[str, Any]:
    """Parameters that the host passed to this testbench."""
    return json.loads((folder() / "parameters.json").read_text())


def inputs() -> dict[str, np.ndarray]:
    """Arrays that the host passed to this testbench."""
    path = folder() / "inputs.npz"
    return dict(np.load(path, allow_pickle=False)) if path.exists() else {}


def return_arrays(**arrays: np.ndarray) -> None:
    """Hand arrays back to the host; the last call of a testbench wins."""
    np.savez(folder() / "outputs.npz", **arrays)


def return_values(**values: Any) -> None:
    """Hand values that JSON can hold back to the host; the last call of a testbench wins."""
    (folder() / "outputs.json").write_text(json.dumps(values))
