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


class PooledRows:
    """Places the rows of one block's x in x memory, and pools every window that is whole.

    Tokens are counted from the picture's first one, whole picture rows at a time, in order.

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
    formed : bool
        Every window is pooled: the block need not do it.
    """

    def __init__(self, stream: Stream, block: BlockImage, name: str) -> None:
        self.block = block
        self.token_words = block.channels // stream.configuration.lanes
        words = block.keys * self.token_words
        self.means = Values(Buffer("pooled_mean", "u", words), 0, self.token_words)
        self.window_tokens = block.reduction * block.width
        self._e = Emitter(stream, {}, 0, name)
        self._window = Window(block.reduction, block.pooled_width, block.width, block.grid_shift)
        self._rows: dict[int, Buffer] = {}
        self._pooled = 0

    @property
    def window_words(self) -> int:
        """X words of a window's rows."""
        return self.window_tokens * self.token_words

    @property
    def formed(self) -> bool:
        """Whether every window is pooled."""
        return self._pooled == self.block.pooled_height

    def place(self, first: int, tokens: int) -> Values:
        """Where a run of tokens is to lie; it must not cross a window's edge."""
        row = first // self.window_tokens
        start = first - row * self.window_tokens
        if start + tokens > self.window_tokens:
            raise AssertionError(f"{tokens} tokens from {first} cross a window")
        if row not in self._rows:
            self._rows[row] = Buffer("x.window", "x", self.window_words)
        return Values(self._rows[row], start * self.token_words, self.token_words)

    def finish(self, first: int, tokens: int) -> None:
        """The run is x now; a window that it completes is pooled."""
        row, end = divmod(first + tokens, self.window_tokens)
        if end:
            return
        window = Values(self._rows.pop(row - 1), 0, self.token_words)
        means = self.means.at((row - 1) * self.block.pooled_width)
        grid(self._e, "attention.pooled_mean", row - 1, window, means, self._window)
        self._pooled += 1
