"""What bursts through a memory port must write and read."""

import random
from collections.abc import Sequence

Burst = tuple[int, int, int]
"""Write (or read), first beat's address, beats."""


def expected(
    bursts: Sequence[Burst], chance: random.Random
) -> tuple[list[int], list[int], dict[int, int]]:
    """The beats to write (random), the beats that reads must give, and memory's last contents.

    What a read gives follows from the bursts before it; memory never written reads as zero.
    """
    contents: dict[int, int] = {}
    writes, reads = [], []
    for write, address, beats in bursts:
        for beat in range(address, address + beats):
            if write:
                contents[beat] = chance.getrandbits(128)
                writes.append(contents[beat])
            else:
                reads.append(contents.get(beat, 0))
    return writes, reads, contents
