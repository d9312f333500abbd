"""The reduced grid of a block's x, formed on the way: whoever makes the x pools its rows.

A spilled x that a block with spatial reduction reads would pass through x memory once more, only
for the means that its keys and values need.  Its maker has every picture row in x memory anyway:
it keeps the rows of a window there until the window is whole.
"""

from __future__ import annotations

from sw.compiler.schedule.emit import Emitter, Stream
from sw.compiler.schedule.image import BlockImage
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.pooling import Window, grid
from sw.compiler.schedule.program import Buffer
from sw.compiler.schedule.windows import Windows


class PooledRows(Windows):
    """Pools every window of one block's x that is whole.

    Parameters
    ----------
    stream : Stream
    block : BlockImage
        The block that reads x.
    name : str
        Its name, which the means carry.

    Attributes
    ----------
    means : Values
        The reduced grid, in u memory.
    """

    def __init__(self, stream: Stream, block: BlockImage, name: str) -> None:
        token_words = block.channels // stream.configuration.lanes
        super().__init__(block.reduction, block.width, token_words)
        self._block = block
        self.means = Values(Buffer("pooled_mean", "u", block.keys * token_words), 0, token_words)
        self._e = Emitter(stream, {}, 0, name)
        self._mean = Window(block.reduction, block.pooled_width, block.width, block.grid_shift)
        self._pooled = 0

    @property
    def formed(self) -> bool:
        """Whether every window is pooled: the block need not do it."""
        return self._pooled == self._block.pooled_height

    def take(self, window: int, x: Values) -> None:
        """A row of the reduced grid."""
        means = self.means.at(window * self._block.pooled_width)
        grid(self._e, "attention.pooled_mean", window, x, means, self._mean)
        self._pooled += 1
