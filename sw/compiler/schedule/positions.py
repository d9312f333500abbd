"""Where a stage's x begins: positions come from external memory, a layer's y joins them."""

from __future__ import annotations

from sw.compiler.packed import PackedLayer
from sw.compiler.schedule.emit import Emitter, Stream
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.pooled import PooledRows
from sw.compiler.schedule.program import Buffer


class Positions:
    """The x of a stage while the stem or an embedding makes it: on chip, or chunks of it.

    Parameters
    ----------
    layer : PackedLayer
        Whose ``position`` is the main operand.
    resident : bool
        x stays in x memory; else every finished chunk goes to the spill memory.
    following : PooledRows or None
        Pools every finished chunk for the first block of the stage, if it does not stay.

    Attributes
    ----------
    x : Values
        All of x, in either memory.
    """

    def __init__(
        self,
        e: Emitter,
        stream: Stream,
        layer: PackedLayer,
        resident: bool,
        following: PooledRows | None = None,
    ) -> None:
        tokens, channels = layer.position.shape
        self.following = following
        self._e, self._name, self._tokens = e, layer.name, tokens
        self._address = stream.shared(lambda: stream.external.add(layer.position, "positions"))
        self._words = channels // e.c.lanes
        self.stays(resident)

    def stays(self, resident: bool) -> None:
        """Where x is made to go; only before the first run."""
        self._resident = resident
        memory = "x" if resident else "spill"
        self.x = Values(
            Buffer(f"{self._name}.x", memory, self._tokens * self._words), 0, self._words
        )

    def bring(self, rows: int) -> None:
        """All of x from the spill memory, in `rows` parts, each as early as its words are free."""
        old, step = self.x, self._tokens // rows
        self.stays(True)
        for first in range(0, self._tokens, step):
            self._e.load_values(f"{self._name}.load", self.x.at(first), step, old.at(first))

    def load(self, first: int, tokens: int) -> Values:
        """Brings the positions of a run of tokens to where their x is made."""
        words = self.x.token_words
        chunk = self.x.at(first)
        if self.following is not None:
            chunk = self.following.place(first, tokens)
        elif not self._resident:
            chunk = Values(Buffer(f"{self._name}.x", "x", tokens * words), 0, words)
        address = self._address + first * words * self._e.c.lane_beats
        self._e.load_values(f"{self._name}.position", chunk, tokens, address)
        return chunk

    def finish(self, first: int, tokens: int, chunk: Values) -> None:
        """The run is x now."""
        if self.following is not None:
            self.following.finish(first, tokens)
        if not self._resident:
            self._e.store_values(f"{self._name}.store", chunk, tokens, self.x.at(first))


def runs(total: int, step: int) -> list[tuple[int, int]]:
    """(first, count) of runs of at most `step`."""
    return [(first, min(step, total - first)) for first in range(0, total, step)]
