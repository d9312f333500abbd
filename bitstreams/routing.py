"""Whether nextpnr's router comes to an end, by what it says of every iteration."""

from __future__ import annotations

import re

ITERATION = re.compile(r"iter=\d+ wires=\d+ overused=\d+ overuse=(\d+)")
FEW = 100
"""Wires wanted twice below which router2 goes up and down, and mostly has got to none."""


def diverges(log: str) -> str | None:
    """Why the router2 of this log will not end, or None.

    With every iteration fewer wires are wanted by two nets; where a design is too full, their
    number begins to rise, and has never been seen to fall again once it had doubled.
    """
    wanted = [int(number) for number in ITERATION.findall(log)]
    if not wanted:
        return None
    least = min(wanted)
    if least < FEW or wanted[-1] < 2 * least:
        return None
    return (
        f"the router does not end: {wanted[-1]:,} wires are wanted twice after {len(wanted)} "
        f"iterations, {least:,} after {wanted.index(least) + 1}"
    )
