"""Whether nextpnr's router comes to an end, by what it says of every iteration."""

from __future__ import annotations

import re

ITERATION = re.compile(r"iter=\d+ wires=\d+ overused=\d+ overuse=(\d+) archfail=(\d+|NA)")
FEW = 100
"""Wires wanted twice below which router2 goes up and down, and mostly has got to none."""
STUCK = 10
"""Iterations with a wire that cannot be bound, after which router2 only repeats itself."""


def diverges(log: str) -> str | None:
    """Why the router2 of this log will not end, or None.

    With every iteration fewer wires are wanted by two nets; where a design is too full, their
    number begins to rise, and has never been seen to fall again once it had doubled.  Where none
    is left, router2 binds them all; one that the device refuses is tried again without end.
    """
    iterations = ITERATION.findall(log)
    wanted = [int(number) for number, _ in iterations]
    if not wanted:
        return None
    refused = sum(number == "0" and failed not in ("0", "NA") for number, failed in iterations)
    if refused >= STUCK:
        return (
            f"the router does not end: no wire is wanted twice, but one cannot be bound, {refused} "
            "times"
        )
    least = min(wanted)
    if least < FEW or wanted[-1] < 2 * least:
        return None
    return (
        f"the router does not end: {wanted[-1]:,} wires are wanted twice after {len(wanted)} "
        f"iterations, {least:,} after {wanted.index(least) + 1}"
    )
