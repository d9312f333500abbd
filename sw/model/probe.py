"""Looking into a forward pass: recording named tensors and forcing binarisation decisions."""

from collections.abc import Callable

import torch

from sw.model.binary import activation_sign
from sw.model.layers import vector

Binarise = Callable[[str, torch.Tensor, torch.Tensor], torch.Tensor | None]


class Probe:
    """Names, records and overrides the tensors of one forward pass.

    Parameters
    ----------
    trace : dict or None
        Filled with ``{name: tensor}``.
    binarise : callable or None
        ``binarise(name, x, threshold)`` gives the bits to use instead of the model's own, or
        None to leave them.  For signs the model's rule is ``+1 where x + threshold >= 0 else
        -1``; for ``attention.probability_bits`` it is ``1 where x > threshold else 0``.
    """

    def __init__(self, trace: dict | None = None, binarise: Binarise | None = None, prefix=""):
        self.trace, self._binarise, self._prefix = trace, binarise, prefix

    def at(self, prefix: str) -> "Probe":
        """The same probe with ``prefix`` and a dot added before each name."""
        return Probe(self.trace, self._binarise, f"{self._prefix}{prefix}.")

    def record(self, name: str, value: torch.Tensor) -> None:
        """Keep ``value`` under its full name, if there is a trace."""
        if self.trace is not None:
            self.trace[self._prefix + name] = value

    def sign(self, name: str, x: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
        """Recorded signs (+1, -1) of ``x + threshold``, or those forced."""
        bits = self._forced(name, x, threshold)
        bits = activation_sign(x + threshold) if bits is None else bits
        self.record(name, bits)
        return bits

    def probability_bit(self, name: str, p: torch.Tensor, clip: torch.Tensor) -> torch.Tensor:
        """Recorded attention bits (0, 1): ``round(p / clip)`` clamped, or those forced."""
        bits = self._forced(name, p, clip / 2)
        bits = torch.round(p / clip).clamp(0, 1) if bits is None else bits
        self.record(name, bits)
        return bits

    def _forced(self, name, x, threshold):
        if self._binarise is None:
            return None
        bits = self._binarise(self._prefix + name, x, threshold)
        return None if bits is None else bits.to(x.dtype)


class NoProbe(Probe):
    """The probe of training: nothing but the signs."""

    def at(self, prefix):  # noqa: D102
        return self

    def record(self, name, value):  # noqa: D102
        pass

    def sign(self, name, x, threshold):  # noqa: D102
        return activation_sign(x + threshold)


NO_PROBE = NoProbe()


class RealProbe(NoProbe):
    """The probe of a first training step in real numbers: signs become clipped values."""

    def sign(self, name, x, threshold):  # noqa: D102
        return (x + threshold).clamp(-1, 1)


REAL_PROBE = RealProbe()


class NoisyProbe(NoProbe):
    """The probe of training against noise: normal noise is added to what is binarised.

    Attention decides many bits by one limit, so a few flipped bits flip many behind them.  A model
    that has met such flips learns to stand them, and those of integer arithmetic with them.
    """

    def __init__(self, deviation: float):
        super().__init__()
        self.deviation = deviation

    def sign(self, name, x, threshold):  # noqa: D102
        return activation_sign(x + threshold + self.deviation * torch.randn_like(x))


def sign_of(probe: Probe, name: str, x: torch.Tensor, move: torch.Tensor) -> torch.Tensor:
    """Signs of ``x + move``, where ``move`` is a threshold vector of any shape."""
    return probe.sign(name, x, vector(move, x))
