"""Addresses of the main operand: a line of tokens, a strided picture, or a coarser grid."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.lanes.walks import MOVE


class GridWalk(wiring.Component):
    """The word of a token, which is in column ``token % width`` of the command's picture.

    up = 1, row_stride = 0 (any width)
        ``word = base + token*stride + outer``
    up = 1, row_stride > 0: rows of a picture, anywhere in memory
        ``word = base + (token // width)*row_stride + (token % width)*stride + outer``
    up > 1: nearest neighbour in a grid of ``width//up`` tokens a row
        ``word = base + (grid_row*(width//up) + min(column//up, width//up - 1))*stride + outer``,
        grid_row counted from 0 at the command's first token, in a row that is `up_row` modulo up.

    One move a cycle, the word is there in the next.  Golden partner: none (addresses).  Validated
    for up 1, 2, 3, 4, 8 with width at least up, and row_stride with up 1.

    Members
    -------
    move : In(MOVE)
        What comes next.
    base : In(13)
        With ``move.load``: word of the first token; so are the next five.
    up : In(4)
        Factor.
    up_row : In(4)
        Row of the first token modulo up.
    width : In(12)
        Tokens a picture row.
    row_stride : In(13)
        Words between picture rows where up is 1; 0: tokens follow one another.
    stride : In(8)
        Words between tokens of a row, or grid tokens.
    word : Out(13)
        Present address.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "move": In(MOVE),
                "base": In(13),
                "up": In(4),
                "up_row": In(4),
                "width": In(12),
                "row_stride": In(13),
                "stride": In(8),
                "word": Out(13),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        # `columns` counts the picture columns from the present one to the row's end.
        place = data.StructLayout(
            {"word": 13, "row_start": 13, "row": 4, "column": 4, "columns": 12}
        )
        now, following, tile_start = Signal(place), Signal(place), Signal(place)
        start = Signal(13)
        strided = Signal()
        up, up_row, width, row_stride, stride = (
            Signal.like(member, name=f"held_{name}")
            for name, member in (
                ("up", self.up),
                ("up_row", self.up_row),
                ("width", self.width),
                ("row_stride", self.row_stride),
                ("stride", self.stride),
            )
        )
        wraps, ends = Signal(), Signal()
        next_word, next_row = now.word + stride, now.row_start + row_stride
        m.d.comb += [
            self.word.eq(now.word),
            following.eq(now),
            wraps.eq(now.column == up - 1),
            ends.eq(now.columns == 1),
        ]
        with m.If(up == 1):
            m.d.comb += [following.word.eq(next_word), following.columns.eq(now.columns - 1)]
            with m.If(strided & ends):
                m.d.comb += [
                    following.word.eq(next_row),
                    following.row_start.eq(next_row),
                    following.columns.eq(width),
                ]
        with m.Elif(~ends):
            m.d.comb += [following.columns.eq(now.columns - 1), following.column.eq(now.column + 1)]
            with m.If(wraps):
                m.d.comb += following.column.eq(0)
                with m.If(now.columns > up):  # a whole grid column begins with the next one
                    m.d.comb += following.word.eq(next_word)
        with m.Else():
            m.d.comb += [
                following.columns.eq(width),
                following.column.eq(0),
                following.row.eq(now.row + 1),
                following.word.eq(now.row_start),
            ]
            with m.If(now.row == up - 1):
                m.d.comb += [
                    following.row.eq(0),
                    following.word.eq(next_word),
                    following.row_start.eq(next_word),
                ]

        with m.If(self.move.token | self.move.tile):
            m.d.sync += now.eq(following)
        with m.If(self.move.again):
            m.d.sync += now.eq(tile_start)
        with m.If(self.move.tile):
            m.d.sync += tile_start.eq(following)
        # An outer group begins where the command did, a word further.
        again = self.move.outer
        word = Mux(again, start + 1, self.base)[:13]
        with m.If(again | self.move.load):
            m.d.sync += start.eq(word)
            for target in (now, tile_start):
                m.d.sync += [
                    target.word.eq(word),
                    target.row_start.eq(word),
                    target.column.eq(0),
                    target.row.eq(Mux(again, up_row, self.up_row)),
                    target.columns.eq(Mux(again, width, self.width)),
                ]
        with m.If(self.move.load):
            m.d.sync += [
                up.eq(self.up),
                up_row.eq(self.up_row),
                width.eq(self.width),
                row_stride.eq(self.row_stride),
                strided.eq(self.row_stride != 0),
                stride.eq(self.stride),
            ]
        return m
