"""Several pictures in one program: weights and parameters are fetched once for all of them.

The stem and the first stage, whose weights are few, run picture by picture: while one picture is
in the blocks, the dense unit makes the next one's stem.  From there on the pictures take turns at
every operation, so that weights leave the chip as early as they would for one picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hw.spec.commands import Opcode
from hw.spec.configuration import Configuration
from sw.compiler.packed import Shape
from sw.compiler.schedule.program import Operation


class Shared:
    """What all pictures of a batch use: made for the first, found again by the others.

    Every picture's operations are emitted by the same code from the same network, so they ask for
    the same things in the same order: the n-th one of a picture is the n-th one of the first.
    """

    def __init__(self, made: list[Any] | None = None) -> None:
        self._made: list[Any] = [] if made is None else made
        self._found = None if made is None else iter(made)

    def __call__(self, make: Callable[[], Any]) -> Any:
        """What `make` returned for the first picture."""
        if self._found is not None:
            return next(self._found)
        self._made.append(make())
        return self._made[-1]

    def again(self) -> Shared:
        """For the next picture."""
        return Shared(self._made)

    def brings(self, operation: Operation) -> bool:
        """Whether an operation brings something of it, for all pictures at once."""
        if operation.opcode is not Opcode.LOAD:
            return False
        return any(operation.accesses[0].buffer is one for one in self._made)


class Share:
    """A configuration as one picture of a batch sees it: less of the memories that hold pictures.

    Parameters
    ----------
    configuration : Configuration
        Everything but `words` is its own.
    words : int
        By the name of a size.
    """

    def __init__(self, configuration: Configuration, **words: int) -> None:
        self._configuration = configuration
        for size, value in words.items():
            setattr(self, size, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._configuration, name)


def equal_share(c: Configuration, pictures: int) -> Share:
    """Of pictures that take turns: an equal part of values and bits."""
    memories = ("x_words", "u_words", "row_words")
    return Share(c, **{memory: getattr(c, memory) // pictures for memory in memories})


def first_share(c: Configuration, shape: Shape, pictures: int) -> Share:
    """Of the last picture in the first stage: what the others' x of stage 2 leaves."""
    waiting = shape.tokens(2) * shape.channels[1] // c.lanes if shape.stages > 1 else 0
    return Share(c, x_words=max(0, c.x_words - (pictures - 1) * waiting))


def merge(pictures: list[tuple[list[Operation], int]], shared: Shared) -> list[Operation]:
    """The program of all pictures, in an order in which weights come before their first use.

    Parameters
    ----------
    pictures : list
        The operations of each, and how many of them run before the next picture's; the others are
        taken in turns.
    shared : Shared
        What the first picture's operations bring for all.
    """
    merged = [operation for operations, first in pictures for operation in operations[:first]]
    loaded, *rest = [operations[first:] for operations, first in pictures]
    own = [operation for operation in loaded if not shared.brings(operation)]
    turns = zip(own, *rest, strict=True)
    for operation in loaded:
        merged += [operation] if shared.brings(operation) else next(turns)
    assert next(turns, None) is None, "pictures differ in their operations"
    return merged
