"""External memory as a program finds it."""

from __future__ import annotations

from collections import Counter

import numpy as np

PLACES = ("spills", "picture", "result", "weights", "parameters", "positions", "program")
"""What lies in external memory."""


class ExternalMemory:
    """Collects what lies in external memory, in 128-bit beats.

    Attributes
    ----------
    beats : int
        Beats so far.
    regions : Counter
        Beats of each of :data:`PLACES`.
    """

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self.beats = 0
        self.regions = Counter(dict.fromkeys(PLACES, 0))

    def add(self, words: np.ndarray, kind: str) -> int:
        """Appends an array whose bytes fill whole beats; returns its first beat."""
        flat = np.ascontiguousarray(words).view(np.uint64).reshape(-1, 2)
        address = self.beats
        self._parts.append(flat)
        self.beats += len(flat)
        self.regions[kind] += len(flat)
        return address

    def add_commands(self, words: list[int]) -> int:
        """Appends 512-bit commands; returns the first beat."""
        data = b"".join(word.to_bytes(64, "little") for word in words)
        return self.add(np.frombuffer(data, dtype=np.uint64), "program")

    def reserve(self, beats: int, kind: str) -> int:
        """Appends zeros; returns the first beat."""
        return self.add(np.zeros((beats, 2), dtype=np.uint64), kind)

    def image(self) -> np.ndarray:
        """Everything: uint64, shape (beats, 2)."""
        return np.concatenate(self._parts) if self._parts else np.zeros((0, 2), np.uint64)
