"""The golden backend: the integer model in PyTorch, at once and without a device."""

from __future__ import annotations

import numpy as np

from sw.compiler.packed import PackedNetwork
from sw.driver.accelerator import Accelerator
from sw.driver.errors import DeviceError
from sw.driver.transport import Identity, expected_identity


class Golden(Accelerator):
    """:func:`sw.golden.run` behind the handle: no clock, no registers, any configuration."""

    def _load(self, packed: PackedNetwork) -> None:
        """Nothing to send."""

    def _run(self, images: np.ndarray) -> np.ndarray:
        return self._golden(images, None)

    def _trace(self, images: np.ndarray) -> dict[str, np.ma.MaskedArray]:
        """All that golden computes; a block's input is the tensor before it, under its name."""
        trace: dict = {}
        self._golden(images, trace)
        return {
            name: np.ma.array(np.atleast_2d(tensor[0].numpy()), dtype=np.int64)
            for name, tensor in trace.items()
            if not name.endswith(".x")
        }

    def _golden(self, images: np.ndarray, trace: dict | None) -> np.ndarray:
        import torch

        from sw.golden import RangeError, run

        try:
            # torch wants memory of its own: an array of the caller's may be read-only
            return run(self.packed, torch.from_numpy(images.copy()), trace).numpy()
        except RangeError as error:
            raise DeviceError(f"golden: {error}") from None

    def identity(self) -> Identity:
        """What a device of the configuration would answer; there is no gateware."""
        return expected_identity(self.configuration)

    def counters(self) -> dict[str, int]:
        """Empty: there are no registers."""
        return {}

    def reset(self) -> None:
        """Nothing to clear: a picture leaves nothing behind."""
        self._check_open()
