"""A scheduled network: its commands, external memory, where pictures go and logits come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw.spec.configuration import Configuration
from sw.compiler.schedule.program import Operation, bound
from sw.compiler.schedule.stem import PATCH_CHANNELS


@dataclass(frozen=True)
class NetworkProgram:
    """A scheduled network.

    Attributes
    ----------
    words : list of int
        512-bit commands, END last.
    operations : list of Operation
        The same without END; ``operations[i].tag`` is i modulo 4096.
    memory : ndarray of uint64, shape (beats, 2)
        External memory, low word first, all but the picture filled in; the program starts at beat
        `start`.
    batch : int
        Pictures of a run.
    picture_address, picture_beats : int
        Where the first picture goes, and what each takes; they follow one another.
    result_address, result_beats : int
        Where the logits of the first picture are stored, and what each takes.
    image, patch : int
        Pixels a side of the picture and of a patch.
    classes : int
        Logits.
    usage : dict
        Memory name to (words used at most, words available).
    regions : dict
        What lies in external memory to its beats.
    """

    configuration: Configuration
    words: list[int]
    operations: list[Operation]
    memory: np.ndarray
    start: int
    batch: int
    picture_address: int
    picture_beats: int
    result_address: int
    result_beats: int
    image: int
    patch: int
    classes: int
    usage: dict[str, tuple[int, int]]
    regions: dict[str, int]

    def bound(self, operation: Operation) -> int:
        """max(MAC / array MACs a cycle, elements / lanes, dense steps) of an operation, cycles."""
        return max(bound(self.configuration, operation.macs, operation.elements), operation.steps)

    def picture(self, pixels: np.ndarray) -> np.ndarray:
        """A picture as the program finds it.

        Parameters
        ----------
        pixels : uint8 array (image, image, 3)

        Returns
        -------
        uint64 array (picture_beats, 2)
            Token by token its pixels in order (row, column, channel), filled up to whole words.

        Raises
        ------
        ValueError
            For another shape or type.
        """
        expected = (self.image, self.image, PATCH_CHANNELS)
        if pixels.shape != expected or pixels.dtype != np.uint8:
            raise ValueError(
                f"picture is {pixels.dtype} {pixels.shape}; the program takes uint8 {expected}"
            )
        side, p = self.image // self.patch, self.patch
        patches = pixels.reshape(side, p, side, p, -1).transpose(0, 2, 1, 3, 4)
        patches = patches.reshape(side * side, -1)
        filled = np.zeros((side * side, self.picture_beats * 16 // side**2), np.uint8)
        filled[:, : patches.shape[1]] = patches
        return filled.view("<u8").reshape(-1, 2)

    def pictures(self, images: np.ndarray) -> np.ndarray:
        """Up to `batch` pictures, uint8 (N, image, image, 3), as :meth:`picture`, one by one."""
        return np.concatenate([self.picture(pixels) for pixels in images])

    def batch_logits(self, beats: np.ndarray) -> np.ndarray:
        """The logits of every picture, int64 (batch, classes), from `result_address` on."""
        parts = beats.reshape(self.batch, self.result_beats, 2)
        return np.stack([self.logits(part) for part in parts])

    def logits(self, beats: np.ndarray) -> np.ndarray:
        """The logits of a picture, int64 (classes,), from the beats of its result."""
        halves = np.ascontiguousarray(beats, "<u8").view("<i2").reshape(-1, 2, self._lanes)
        values = (halves[:, 1].astype(np.int64) << 16) | (halves[:, 0].astype(np.int64) & 0xFFFF)
        return values.reshape(-1)[: self.classes]

    @property
    def _lanes(self) -> int:
        return self.configuration.lanes
