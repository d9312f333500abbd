"""Where a beat's bits go: row memory (next layer's input), column memory (keys, values)."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.interfaces import column_write, row_write
from hw.lanes.beat import bits_layout
from hw.lanes.transposer import Transposer
from hw.spec.commands import Bits
from hw.spec.configuration import Configuration


class RowBits(wiring.Component):
    """Writes 1..3 sets of a beat's bits to its token slot, set k in the k-th cycle.

    A slot's bank takes one write a cycle; beats of one slot are at least `sets` cycles apart (the
    walker's gaps).  Set 0 is written a cycle after `valid`.  No back-pressure.  Golden partner:
    none (addresses).

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    valid : In(1)
        [14] A beat comes.
    place : In(bits_layout)
        [14] Where to.
    bits : In(3 x lanes bits)
        [14] A bit a set and channel.
    write : Out(row_write).array(rows)
        [15..17] Row memory, a port a slot.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "valid": In(1),
                "place": In(bits_layout(c)),
                "bits": In(data.ArrayLayout(c.lanes, 3)),
                "write": Out(row_write(c)).array(c.rows),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        # Set k waits k cycles and finds its address by one more step.
        valid, place, bits = self.valid & (self.place.bits == Bits.ROW), self.place, self.bits
        sets = [(valid, place, place.word, bits[0])]
        for k in (1, 2):
            next_valid = Signal(name=f"valid_{k}")
            next_place = Signal(place.shape(), name=f"place_{k}", reset_less=True)
            next_bits = Signal(bits.shape(), name=f"bits_{k}", reset_less=True)
            m.d.sync += [
                next_valid.eq(valid & (place.sets > k)),
                next_place.eq(place),
                next_place.word.eq(place.word + place.step),
                next_bits.eq(bits),
            ]
            valid, place, bits = next_valid, next_place, next_bits
            sets.append((valid, place, place.word, bits[k]))
        for slot, port in enumerate(self.write):
            hits = [valid & (place.slot == slot) for valid, place, _, _ in sets]
            word, part, value = (
                Signal(n, name=f"{name}_{slot}", reset_less=True)
                for name, n in (
                    ("word", len(port.address)),
                    ("part", port.mask.shape()),
                    ("value", c.lanes),
                )
            )
            request = Signal(name=f"request_{slot}")
            m.d.sync += request.eq(Cat(hits).any())
            for hit, (_, place, address, chosen) in zip(hits, sets, strict=True):
                with m.If(hit):
                    m.d.sync += [word.eq(address), part.eq(1 << place.part), value.eq(chosen)]
            m.d.comb += [
                port.request.eq(request),
                port.address.eq(word),
                port.mask.eq(part),
                port.data.eq(value.replicate(64 // c.lanes)),
            ]
        return m


class ColumnBits(wiring.Component):
    """Writes keys (KEY) and transposed values (VALUE) to column memory.

    A key's bits go to one column of a word, in the part of their channels, two cycles after
    `valid`; VALUE beats fill the transposer, whose words are written from two cycles after the
    flushing beat on.  The walker leaves a gap behind a flush, so the two never meet.  No
    back-pressure.  Golden partner: none (addresses).

    Parameters
    ----------
    configuration : Configuration
        Sizes.

    Members
    -------
    valid : In(1)
        [14] A beat comes.
    place : In(bits_layout)
        [14] Where to.
    bits : In(lanes)
        [14] A bit a channel.
    write : Out(column_write)
        [16..] Column memory.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = c = configuration
        super().__init__(
            {
                "valid": In(1),
                "place": In(bits_layout(c)),
                "bits": In(c.lanes),
                "write": Out(column_write(c)),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self._configuration
        parts = 64 // c.lanes
        place = self.place
        m.submodules.transposer = transposer = Transposer(c)
        m.d.comb += [
            transposer.valid.eq(self.valid & (place.bits == Bits.VALUE)),
            transposer.index.eq(place.index),
            transposer.bits.eq(self.bits),
            transposer.flush.eq(place.flush),
        ]
        word, part = Signal(13, reset_less=True), Signal(parts, reset_less=True)
        key, key_column = Signal(), Signal(c.columns, reset_less=True)
        key_bits, kept_bits = Signal(c.lanes), Signal(c.lanes)
        with m.If(self.valid):
            m.d.sync += [word.eq(place.word), part.eq(1 << place.part)]
        with m.Else():
            m.d.sync += word.eq(word + 1)  # the words of a flush follow one another
        key_comes = self.valid & (place.bits == Bits.KEY)
        m.d.sync += [
            key.eq(key_comes),
            key_column.eq(1 << place.column),
            key_bits.eq(Mux(key_comes, self.bits, 0)),
            kept_bits.eq(key_bits),
        ]
        request = Signal()
        address, mask = (
            Signal(len(getattr(self.write, name)), name=f"held_{name}", reset_less=True)
            for name in ("address", "mask")
        )
        transposed = Signal(transposer.word.shape())
        columns = Signal(c.columns)
        m.d.comb += columns.eq(Mux(transposer.word_valid, ~0, key_column))
        m.d.sync += [
            request.eq(key | transposer.word_valid),
            address.eq(word),
            mask.eq(Cat(part & column.replicate(parts) for column in columns)),
            transposed.eq(Mux(transposer.word_valid, transposer.word.as_value(), 0)),
        ]
        # One of both is 0: the OR merges into the multiplexer in front of the memory.
        m.d.comb += [
            self.write.request.eq(request),
            self.write.address.eq(address),
            self.write.mask.eq(mask),
            self.write.data.eq(
                Cat((transposed[i] | kept_bits).replicate(parts) for i in range(c.columns))
            ),
        ]
        return m
