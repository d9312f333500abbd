"""Windows of x: whoever makes it hands on whole picture rows while they are in x memory.

What follows a layer often needs some rows of its x at once: the means of a spatial reduction, the
2x2 tokens of a patch embedding.  The rows are made where they then lie side by side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.program import Buffer


class Windows(ABC):
    """Places the rows of x in a ring of windows in x memory, and takes every window that is whole.

    Tokens are counted from the picture's first one, whole picture rows at a time, in order.

    Parameters
    ----------
    rows, width : int
        Picture rows of a window, tokens of a row.
    token_words : int
        X words of a token.
    """

    stored = True
    """Whether x is also read from the spill memory: its maker stores it."""

    def __init__(self, rows: int, width: int, token_words: int) -> None:
        self.rows, self.tokens, self.token_words = rows, rows * width, token_words
        self._ring: Buffer | None = None
        self._count, self._first, self._taken = 0, 0, 0

    @property
    def oldest(self) -> int:
        """Word of the ring where the window begins that was taken first of those there."""
        return (self._first + self._taken) % self._count * self.words if self._count else 0

    @property
    def words(self) -> int:
        """X words of a window."""
        return self.tokens * self.token_words

    @property
    def own_words(self) -> int:
        """X words that are needed beside the windows."""
        return 0

    def shrink(self) -> bool:
        """Whether fewer words of its own will do; from then on they must."""
        return False

    def hold(
        self, count: int, row_words: int = 0, before: Windows | None = None, words: int = 0
    ) -> None:
        """Makes room for `count` windows: each takes the place of the `count`-th before it.

        `row_words` are to spare, where what takes them has a use for row memory.  The windows take
        the ring of `before`, which x came through, if that has at most `words`: beginning where it
        is free first.

        The places are fixed because a window that fits only just would else move what lies
        beside it.
        """
        if before and before._ring and count * self.words <= before._ring.words <= words:
            self._ring, self._count = before._ring, before._ring.words // self.words
            self._first = -(-before.oldest // self.words) % self._count
        else:
            self._ring, self._count = Buffer("x.windows", "x", count * self.words), count

    def place(self, first: int, tokens: int) -> Values:
        """Where a run of tokens is to lie; it must not cross a window's edge."""
        window, start = divmod(first, self.tokens)
        if start + tokens > self.tokens:
            raise AssertionError(f"{tokens} tokens from {first} cross a window")
        return self._window(window).at(start)

    def finish(self, first: int, tokens: int) -> None:
        """The run is x now; a window that it completes is taken."""
        window, end = divmod(first + tokens, self.tokens)
        if not end:
            self._taken = window
            self.take(window - 1, self._window(window - 1))

    def _window(self, window: int) -> Values:
        place = (self._first + window) % self._count
        return Values(self._ring, place * self.words, self.token_words)

    @abstractmethod
    def take(self, window: int, x: Values) -> None:
        """Emits what reads window number `window`, which lies at `x`."""
