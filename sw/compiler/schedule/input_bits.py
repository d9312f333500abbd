"""The bits of x that a block reads first, formed by whoever makes x: no pass over x for them."""

from __future__ import annotations

from dataclasses import replace

from hw.spec.commands import Bits
from hw.spec.configuration import Configuration
from sw.compiler.schedule.image import BlockImage, LayerImage
from sw.compiler.schedule.operands import BitsTo
from sw.compiler.schedule.program import Access, Buffer


class InputBits:
    """Bits of the first tokens of one block's x: of the query, [of key and value].

    The layer that makes x carries their thresholds beside its own parameters, and forms them token
    by token in order.  What it does not form is left to the block.

    Parameters
    ----------
    configuration : Configuration
        Sizes.
    block : BlockImage
        The block that reads x.
    name : str
        Its name, which the bits carry.
    buffer : Buffer
        Their place in row memory, set behind set; it takes as many tokens as it has words for.
        Blocks whose x passes through x memory may share it: the bits of a token are read before
        those of the same token of the next x come.
    """

    def __init__(
        self, configuration: Configuration, block: BlockImage, name: str, buffer: Buffer
    ) -> None:
        self._rows, self._name, self.buffer = configuration.rows, name, buffer
        self._thresholds = block.layers["pass"]
        self._tile_words = -(-block.channels // 64)
        self._set_words = buffer.words // self._thresholds.sets
        self._held, self._formed = False, 0

    def carried_by(self, layer: LayerImage) -> LayerImage:
        """The layer that makes x, with the thresholds."""
        return replace(layer, parameters=layer.parameters | self._thresholds.parameters)

    def hold(self, room: int) -> bool:
        """Whether the bits are formed, by a maker that can spare `room` row words."""
        self._held = 0 < self.buffer.words <= room
        return self._held

    def to(self, first: int, tokens: int) -> BitsTo | None:
        """Where the bits of the next tokens go, if they are formed and begin a tile."""
        words = self._tiles(first + tokens) * self._tile_words
        if not self._held or first != self._formed or first % self._rows or words > self._set_words:
            return None
        self._formed += tokens
        return BitsTo(
            Bits.ROW,
            self.buffer,
            self._tiles(first) * self._tile_words,
            self._set_words,
            self._tile_words,
            from_out=True,
            block=self._name,
        )

    def formed(self, first: int, tokens: int, which: int = 0) -> Access | None:
        """Where bits of set `which` of some tokens lie; None if not all do, or not in own tiles."""
        if first % self._rows or first + tokens > self._formed:
            return None
        start = which * self._set_words + self._tiles(first) * self._tile_words
        return Access(self.buffer, start, start + self._tiles(tokens) * self._tile_words, False)

    def _tiles(self, tokens: int) -> int:
        return -(-tokens // self._rows)
