"""What the lanes must do, in plain Python from the words of hw.spec.numerics and hw.spec.commands.

Nothing here is shared with the gateware or with `sw.golden` but the declarations.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hw.spec.commands import Bits, Opcode, Source
from hw.spec.configuration import Configuration
from hw.spec.numerics import (
    GAIN_SHIFTS,
    PARAMETER_FIELDS,
    PRE,
    PRE_DROP,
    PRE_FRACTION,
    SLOPE_SHIFTS,
    VALUE,
)

SUMMED = (Opcode.LINEAR, Opcode.CONTEXT)
"""Commands with array results; the others have s = 0."""


def rounded(a: int, n: int) -> int:
    """Drop n bits, half up."""
    return (a + (1 << n >> 1)) >> n


@dataclass
class Reference:
    """Memories, and every write, trace beat and event of a list of commands.

    Attributes
    ----------
    x, u, parameter : list of list of int
        Words of `lanes` numbers.
    writes : dict
        Port to ordered (address, mask, the masked bits of the data).
    trace : list of dict
        A beat each.
    beats, written : list
        A command each: its beats, and all writes a port up to its end.
    seen : Counter
        Which corners of the arithmetic were met.
    unwritten : dict
        Token slot to the lanes whose values wait for parts that follow.
    """

    c: Configuration
    x: list
    u: list
    parameter: list
    writes: dict = field(default_factory=dict)
    trace: list = field(default_factory=list)
    beats: list = field(default_factory=list)
    written: list = field(default_factory=list)
    reads: Counter = field(default_factory=Counter)
    seen: Counter = field(default_factory=Counter)
    unwritten: dict = field(default_factory=dict)

    def saturate(self, a: int, to, what: str) -> int:
        """Clamp and count."""
        if a > to.high:
            self.seen[f"{what} high"] += 1
            return to.high
        if a < to.low:
            self.seen[f"{what} low"] += 1
            return to.low
        return a

    def lane(self, f: dict, opcode: Opcode, acc: int, p: dict, residual: int, main: int):
        """One channel: s, y, out, three bits."""
        s = (2 * acc if f["double"] else acc) - f["offset"] if opcode in SUMMED else 0
        pre = ((s * p["gain"]) << GAIN_SHIFTS[f["gain_shift"]]) + residual * p["residual_gain"]
        v = self.saturate(rounded(pre, PRE_DROP) + (p["bias"] << PRE_FRACTION), PRE, "pre")
        slope = p["slope_negative"] if v < 0 else p["slope_positive"]
        shift = SLOPE_SHIFTS[f["slope_shift"]] + PRE_FRACTION
        y = rounded(v * slope, shift) + p["offset_out"]
        y = 0 if opcode == Opcode.PASS else self.saturate(y, VALUE, "y")
        out = self.saturate(y + main, VALUE, "out")
        compared = out if f["bits_from_out"] else y
        bits = []
        for k in range(3):
            threshold = p[f"threshold{k}"]
            bits.append(int(compared >= threshold))
            if abs(compared - threshold) <= 1 and threshold:
                self.seen[f"threshold {compared - threshold:+d}"] += 1
        return s, y, out, bits

    def write(self, port: str, address: int, mask: int, parts: int, bits: int, data: int) -> None:
        """Note a write; `data` counts only where `mask` is set."""
        size = bits // parts
        keep = sum(((1 << size) - 1) << (i * size) for i in range(parts) if mask >> i & 1)
        self.writes.setdefault(port, []).append((address, mask, data & keep))

    def run(self, opcode: Opcode, f: dict, results) -> None:
        """One command; `results` iterates beats of accumulators."""
        rows, lanes = self.c.rows, self.c.lanes
        memory = {Source.X: ("x", self.x), Source.U: ("u", self.u)}
        present = [n for i, n in enumerate(PARAMETER_FIELDS) if f["parameter_fields"] >> i & 1]
        count = 0
        for outer in range(f["outer"]):
            block: dict[int, list[int]] = {}
            for tile in range(f["tiles"]):
                tokens = f["last_tokens"] if tile == f["tiles"] - 1 else rows
                for inner in range(f["inner"]):
                    g = f["first_group"] + outer + inner * f["group_step"]
                    base = f["parameter_base"] + (outer * f["inner"] + inner) * len(present)
                    words = {n: self.parameter[base + i] for i, n in enumerate(present)}
                    for slot in range(tokens):
                        token = tile * rows + slot
                        acc = next(results) if opcode in SUMMED else [0] * lanes
                        residual, main = [0] * lanes, [0] * lanes
                        if f["residual"]:
                            name, words_of = memory[f["residual"]]
                            residual = words_of[
                                f["residual_base"] + token * f["residual_token"] + outer
                            ]
                            self.reads[name] += inner == 0
                        if f["main"]:
                            name, words_of = memory[f["main"]]
                            main = words_of[self.main_word(f, token) + outer]
                            self.reads[name] += 1
                        beat = []
                        for i in range(lanes):
                            p = {n: words[n][i] if n in words else 0 for n in PARAMETER_FIELDS}
                            for n in ("residual_gain", "slope_positive"):
                                if n not in words:
                                    p[n] = f[n]
                            beat.append(self.lane(f, opcode, acc[i], p, residual[i], main[i]))
                        again = g + f["group_step"] if inner + 1 < f["inner"] else None
                        self.finish(f, beat, token, tile, slot, g, again, block)
                        count += 1
            if f["bits"] == Bits.VALUE:
                self.flush(f, block, g)
        self.beats.append(count)
        self.written.append({port: len(writes) for port, writes in self.writes.items()})

    @staticmethod
    def main_word(f: dict, token: int) -> int:
        """Word of main for outer 0."""
        if f["up"] == 1 and f["main_row"] == 0:
            return f["main_base"] + token * f["main_token"]
        r, width = f["up"], f["width"]
        row, column = divmod(token, width)
        if r == 1:
            return f["main_base"] + row * f["main_row"] + column * f["main_token"]
        row_up, column_up = (f["up_row"] + row) // r, min(column // r, width // r - 1)
        return f["main_base"] + (row_up * (width // r) + column_up) * f["main_token"]

    def finish(self, f, beat, token, tile, slot, g, again, block) -> None:
        """Values and bits of a beat; `again`: the token's next group, if it is one of inner's."""
        c, lanes = self.c, self.c.lanes
        s, y, out, bits = (list(member) for member in zip(*beat, strict=True))
        sets = [sum(b[k] << i for i, b in enumerate(bits)) for k in range(3)]
        stored, mask, word = out, (1 << lanes) - 1, g
        if f["pooled"]:
            m = 1 << f["pool"]
            means = [rounded(sum(y[i * m : (i + 1) * m]), f["pool"]) for i in range(lanes // m)]
            stored, n = means * m, lanes // m
            mask, word = ((1 << n) - 1) << (g % m * n), g >> f["pool"]
        if f["destination"]:
            name, memory = ("x", self.x) if f["destination"] == Source.X else ("u", self.u)
            address = f["destination_base"] + token * f["destination_token"] + word
            memory[address] = [
                new if mask >> i & 1 else old
                for i, (new, old) in enumerate(zip(stored, memory[address], strict=True))
            ]
            # Parts of a word that come behind one another are written by the last of them.
            if not f["pooled"] or not f["pool"] or again is None or again >> f["pool"] != word:
                values = enumerate(memory[address])
                data = sum((v & 0xFFFF) << (16 * i) for i, v in values)
                self.write(
                    name, address, self.unwritten.pop(slot, 0) | mask, lanes, lanes * 16, data
                )
            else:
                self.unwritten[slot] = self.unwritten.get(slot, 0) | mask
        self.trace.append(
            {"tag": f["tag"], "s": s, "y": y, "out": out, "pooled": stored, "bits": sets}
        )
        channel, key = g * lanes, f["first_key"] + token
        parts = 64 // lanes
        if f["bits"] == Bits.ROW:
            for k in range(f["sets"]):
                part = channel % 64 // lanes
                self.write(
                    f"row{slot}",
                    f["bits_base"] + k * f["bits_set"] + tile * f["bits_tile"] + channel // 64,
                    1 << part,
                    parts,
                    64,
                    sets[k] << (part * lanes),
                )
        if f["bits"] == Bits.KEY:
            part = key % c.columns * parts + channel % 64 // lanes
            self.write(
                "column",
                f["bits_base"]
                + key // lanes * f["bits_tile"]
                + channel // 64 * c.group_tiles
                + key % lanes // c.columns,
                1 << part,
                c.columns * parts,
                c.columns * 64,
                sets[0] << (part * lanes),
            )
        if f["bits"] == Bits.VALUE:
            block.setdefault(key // lanes, [0] * lanes)[key % lanes] = sets[0]

    def flush(self, f, block, g) -> None:
        """The transposed words of a channel group, block of keys by block."""
        c, lanes, parts = self.c, self.c.lanes, 64 // self.c.lanes
        for index, keys in sorted(block.items()):
            first = index * lanes
            for tile in range(c.group_tiles):
                mask = data = 0
                for column in range(c.columns):
                    part = column * parts + first % 64 // lanes
                    channel = tile * c.columns + column
                    mask |= 1 << part
                    data |= sum((key >> channel & 1) << i for i, key in enumerate(keys)) << (
                        part * lanes
                    )
                self.write(
                    "column",
                    f["bits_base"] + g * f["bits_tile"] + first // 64 * c.group_tiles + tile,
                    mask,
                    c.columns * parts,
                    c.columns * 64,
                    data,
                )
