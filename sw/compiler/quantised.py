"""The quantised network: a packed network plus what only the compiler needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sw.compiler.packed import PackedNetwork


@dataclass(frozen=True, eq=False)
class QuantisedNetwork:
    """Integers ready to be written.

    Parameters
    ----------
    packed : PackedNetwork
        What the packed image holds.
    groups : dict of str to int
        Fraction bits by scale group.
    pre_fractions : dict of str to int
        f_pre by layer.
    inverted : dict of str to bool array (channels,)
        By bit tensor: channels whose stored bit is NOT the model's.
    """

    packed: PackedNetwork
    groups: dict[str, int]
    pre_fractions: dict[str, int]
    inverted: dict[str, np.ndarray]
