"""Pictures a second, and what limits them."""

import time

import torch

from sw.train.place import Place

ENOUGH = 0.5
"""Share of a step that the batches must take to be called the limit."""
BUSY = 0.9
"""Share of the time in which the processor queues work, above which it is the limit."""


class Speed:
    """Measures windows of steps: ``begin``, steps, ``queued``, a wait for the device, ``end``.

    Attributes
    ----------
    pictures : float
        A second, in the last window.
    feed : float
        Pictures a second that augmentation alone could give.
    queueing : float
        Share of the last window in which the processor still queued work; then it only waited.
    """

    def __init__(self, place: Place):
        self.place = place
        self.pictures = self.feed = self.queueing = 0.0

    def measure_feed(self, make_batch, batch: int, times: int = 5) -> None:
        """Time ``make_batch()`` alone, after one call that does not count."""
        make_batch()
        self.place.synchronise()
        began = time.monotonic()
        for _ in range(times):
            make_batch()
        self.place.synchronise()
        self.feed = times * batch / max(time.monotonic() - began, 1e-9)

    def begin(self) -> None:
        """A window starts."""
        self._began = time.monotonic()

    def queued(self) -> None:
        """All work of the window is queued."""
        self._queued = time.monotonic()

    def end(self, pictures: int) -> float:
        """The window's work is done; returns its seconds."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        self.pictures = pictures / seconds
        self.queueing = (self._queued - self._began) / seconds
        return seconds

    @property
    def limit(self) -> str:
        """What more pictures a second would need, in words."""
        if self.feed and self.pictures / self.feed > ENOUGH:
            return "augmentation"
        if self.place.device.type == "cpu":
            return f"arithmetic of the processor ({torch.get_num_threads()} threads)"
        if self.queueing > BUSY:
            return "the processor, which queues the accelerator's work: --compile, larger --batch"
        return "the accelerator"

    def to_dict(self) -> dict:
        """For the log."""
        return {
            "device": self.place.name, "processes": self.place.world,
            "pictures_per_second": self.pictures, "augmentation_alone": self.feed,
            "queueing_share": self.queueing, "limit": self.limit,
        }  # fmt: skip
