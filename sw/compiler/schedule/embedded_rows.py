"""A stage's last x, embedded row by row while it is in x memory."""

from __future__ import annotations

from sw.compiler.schedule.embedding import Embedding
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.windows import Windows


class EmbeddedRows(Windows):
    """Embeds every two rows of a stage's last x while they are in x memory: it is never stored."""

    stored = False

    def __init__(self, step: Embedding) -> None:
        super().__init__(2, 2 * step.side, step.token_words)
        self.embedding = step
        self._prepared: tuple[int, object] | None = None

    @property
    def own_words(self) -> int:
        """The new x: a window of it, all of it, or two rows that are on their way."""
        step = self.embedding
        if step.following:
            return step.following.words
        new = step.positions.x
        return new.buffer.words if step.resident else 2 * step.side * new.token_words

    def shrink(self) -> bool:
        """A new x that is to stay needs two rows if it is spilled meanwhile."""
        shrinks = self.embedding.resident
        if shrinks:
            self.embedding.spills(True)
        return shrinks

    def hold(
        self, count: int, row_words: int = 0, before: Windows | None = None, words: int = 0
    ) -> None:
        """Beside them, a window of the new x that is pooled, and the bits of the new x."""
        super().hold(count, row_words, before, words)
        self.embedding.hold_bits(row_words, 1)
        step = self.embedding
        if step.following:
            step.following.hold(1)
            step.positions.following = step.following

    def finish(self, first: int, tokens: int) -> None:
        """The row before is completed now: its means come late, behind branches."""
        before, self._prepared = self._prepared, None
        super().finish(first, tokens)
        if before:
            self._complete(*before)
        if self._prepared and first + tokens == self.tokens * self.embedding.side:
            self._complete(*self._prepared)

    def take(self, window: int, x: Values) -> None:
        """Reads two rows, which become a row of the new x with the run that follows."""
        self._prepared = window, self.embedding.prepare(window, 1, x)

    def _complete(self, row: int, prepared: object) -> None:
        self.embedding.complete(row, 1, prepared)
