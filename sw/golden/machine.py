"""The command set in software: runs a program on memories, one command after another.

A second implementation of what the commands *mean*, written from :mod:`hw.spec.commands` and
:mod:`hw.spec.numerics` without time: it shows whether a program is right before any RTL runs it,
and its memories are laid out as the accelerator's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hw.spec.commands import Bits, Opcode, Source, Target, decode
from hw.spec.configuration import Configuration
from hw.spec.numerics import (
    BRANCHES,
    GAIN_SHIFTS,
    PARAMETER_FIELDS,
    PRE,
    PRE_DROP,
    PRE_FRACTION,
    SLOPE_SHIFTS,
    TAP_SUM,
    VALUE,
)
from sw.golden.dense import run_dense
from sw.golden.integers import drop, saturate


class Machine:
    """On-chip memories of a configuration and the external memory.

    Parameters
    ----------
    configuration : Configuration
    external : ndarray of uint64, shape (beats, 2)
        Changed by STORE.

    Attributes
    ----------
    x, u, parameter : ndarray of int64, shape (words, lanes)
    row : ndarray of uint8, shape (words, rows, 64)
    column : ndarray of uint8, shape (words, columns, 64)
    """

    def __init__(self, configuration: Configuration, external: np.ndarray) -> None:
        c = self.c = configuration
        self.external = external
        self.x = np.zeros((c.x_words, c.lanes), np.int64)
        self.u = np.zeros((c.u_words, c.lanes), np.int64)
        self.parameter = np.zeros((c.parameter_words, c.lanes), np.int64)
        self.row = np.zeros((c.row_words, c.rows, 64), np.uint8)
        self.column = np.zeros((c.column_words, c.columns, 64), np.uint8)
        self.exp = np.zeros(c.exp_entries, np.int64)

    def run(self, words: list[int]) -> None:
        """Executes commands up to END."""
        for word in words:
            opcode, f = decode(word)
            if opcode is Opcode.END:
                return
            getattr(self, f"_{opcode.name.lower()}")(f)

    def _value(self, source: int) -> np.ndarray:
        return self.x if source == Source.X else self.u

    # -- memory port ---------------------------------------------------------------------------

    def _load(self, f: dict[str, int]) -> None:
        c, span = self.c, slice(f["word"], f["word"] + f["words"])
        if f["target"] == Target.EXP:
            beats = self.external[f["address"] : f["address"] + f["words"], 0]
            self.exp[span] = beats & np.uint64(0xFFFFFF)
        elif f["target"] == Target.COLUMN:
            count = f["words"] * c.column_beats
            beats = np.ascontiguousarray(self.external[f["address"] : f["address"] + count])
            bits = np.unpackbits(beats.view(np.uint8).reshape(-1), bitorder="little")
            self.column[span] = bits.reshape(f["words"], c.columns, 64)
        else:
            count = f["words"] * c.lane_beats
            beats = np.ascontiguousarray(self.external[f["address"] : f["address"] + count])
            memory = self.x if f["target"] == Target.X else self.parameter
            memory[span] = beats.view(np.int16).reshape(f["words"], c.lanes)

    def _store(self, f: dict[str, int]) -> None:
        words = self._value(f["source"])[f["word"] : f["word"] + f["words"]]
        beats = np.ascontiguousarray(words.astype(np.int16)).view(np.uint64).reshape(-1, 2)
        self.external[f["address"] : f["address"] + len(beats)] = beats

    # -- array ---------------------------------------------------------------------------------

    def _operand_masks(self, f: dict[str, int]) -> np.ndarray:
        """Valid bits of each word of a segment, (words, 64)."""
        mask = np.ones((f["words"], 64), np.int64)
        mask[0, : f["first_bit"]] = 0
        mask[-1, f["last_bit"] :] = 0
        return mask

    def _accumulate(self, f: dict[str, int], group: int, tile: int, signed: bool) -> np.ndarray:
        """(rows, lanes) accumulators of one group of one tile."""
        c, mask = self.c, self._operand_masks(f)
        total = np.zeros((c.rows, c.lanes), np.int64)
        lane = np.arange(c.lanes)
        for head in range(f["heads"]):
            first = f["row_base"] + tile * f["row_tile"] + head * f["row_head"]
            rows = self.row[first : first + f["words"]].astype(np.int64) * mask[:, None]
            at = f["column_base"] + group * f["column_group"]
            words = self.column[at : at + f["words"] * c.group_tiles]
            columns = words.reshape(f["words"], c.lanes, 64).astype(np.int64)
            if signed:
                sums = np.einsum("wrb,wlb->rl", rows, 2 * columns - 1)
                low = head * f["head_channels"] - f["head_skip"]
                total += np.where((lane >= low) & (lane < low + f["head_channels"]), sums, 0)
            else:
                columns = columns * mask[:, None]
                equal = np.einsum("wrb,wlb->rl", rows, columns) + np.einsum(
                    "wrb,wlb->rl", 1 - rows, 1 - columns
                )
                total += equal
        return total

    # -- lanes ---------------------------------------------------------------------------------

    def _linear(self, f: dict[str, int]) -> None:
        self._main(f, lambda group, tile: self._sum(f, group, tile, signed=False))

    def _context(self, f: dict[str, int]) -> None:
        self._main(f, lambda group, tile: self._sum(f, group, tile, signed=True))

    def _affine(self, f: dict[str, int]) -> None:
        self._main(f, lambda group, tile: np.zeros((self.c.rows, self.c.lanes), np.int64))

    def _pass(self, f: dict[str, int]) -> None:
        self._main(f, None)

    def _sum(self, f: dict[str, int], group: int, tile: int, signed: bool) -> np.ndarray:
        acc = self._accumulate(f, group, tile, signed)
        return (2 * acc if f["double"] else acc) - f["offset"]

    def _main(self, f: dict[str, int], sums: Callable[[int, int], np.ndarray] | None) -> None:
        c = self.c
        fields = [n for i, n in enumerate(PARAMETER_FIELDS) if f["parameter_fields"] >> i & 1]
        for outer in range(f["outer"]):
            for tile in range(f["tiles"]):
                tokens = c.rows if tile < f["tiles"] - 1 else f["last_tokens"]
                for inner in range(f["inner"]):
                    order = outer * f["inner"] + inner
                    base = f["parameter_base"] + order * len(fields)
                    p = dict.fromkeys(PARAMETER_FIELDS, np.zeros(c.lanes, np.int64))
                    p["residual_gain"] = np.full(c.lanes, f["residual_gain"])
                    p["slope_positive"] = np.full(c.lanes, f["slope_positive"])
                    p |= {n: self.parameter[base + i] for i, n in enumerate(fields)}
                    s = None if sums is None else sums(order, tile)[:tokens]
                    group = f["first_group"] + outer + inner * f["group_step"]
                    token = tile * c.rows + np.arange(tokens)
                    self._group(f, p, s, token, tile, outer, group)

    def _group(
        self,
        f: dict[str, int],
        p: dict[str, np.ndarray],
        s: np.ndarray | None,
        token: np.ndarray,
        tile: int,
        outer: int,
        group: int,
    ) -> None:
        """The post-processor on one group of one tile; without a sum y is 0."""
        residual = main = 0
        if f["residual"]:
            at = f["residual_base"] + token * f["residual_token"] + outer
            residual = self._value(f["residual"])[at]
        if f["main"]:
            at = f["main_base"] + self._main_word(f, token) + outer
            main = self._value(f["main"])[at]
        if s is None:
            y = np.zeros((len(token), self.c.lanes), np.int64)
        else:
            pre = ((s * p["gain"]) << GAIN_SHIFTS[f["gain_shift"]]) + residual * p["residual_gain"]
            v = saturate(drop(pre, PRE_DROP) + (p["bias"] << PRE_FRACTION), PRE)
            slope = np.where(v < 0, p["slope_negative"], p["slope_positive"])
            shift = SLOPE_SHIFTS[f["slope_shift"]] + PRE_FRACTION
            y = saturate(drop(v * slope, shift) + p["offset_out"], VALUE)
        out = saturate(y + main, VALUE)
        if f["destination"]:
            memory = self._value(f["destination"])
            at = f["destination_base"] + token * f["destination_token"]
            if f["pooled"]:
                m = 1 << f["pool"]
                kept = self.c.lanes // m
                part = group % m * kept
                pooled = drop(y.reshape(len(token), kept, m).sum(2), f["pool"])
                memory[at + (group >> f["pool"]), part : part + kept] = pooled
            else:
                memory[at + group] = out
        if f["bits"]:
            for which in range(f["sets"]):
                bits = (out if f["bits_from_out"] else y) >= p[f"threshold{which}"]
                self._write_bits(f, bits, token, tile, group, which)

    def _main_word(self, f: dict[str, int], token: np.ndarray) -> np.ndarray:
        """Words from the main operand's base to each token's."""
        r, width, words = f["up"], f["width"], f["main_token"]
        if f["main_row"]:
            return token // width * f["main_row"] + token % width * words
        if r <= 1:
            return token * words
        row, column = token // width, token % width
        grid = width // r
        return ((f["up_row"] + row) // r * grid + np.minimum(column // r, grid - 1)) * words

    def _write_bits(
        self,
        f: dict[str, int],
        bits: np.ndarray,
        token: np.ndarray,
        tile: int,
        group: int,
        which: int,
    ) -> None:
        """Bits (tokens, lanes) of one group to where they go."""
        c, channel = self.c, group * self.c.lanes
        part = slice(channel % 64, channel % 64 + c.lanes)
        if f["bits"] == Bits.ROW:
            word = f["bits_base"] + which * f["bits_set"] + tile * f["bits_tile"] + channel // 64
            self.row[word, : len(token), part] = bits
            return
        key = f["first_key"] + token
        for j, row in zip(key, bits, strict=True):
            if f["bits"] == Bits.KEY:
                word = (
                    f["bits_base"]
                    + j // c.lanes * f["bits_tile"]
                    + channel // 64 * c.group_tiles
                    + j % c.lanes // c.columns
                )
                self.column[word, j % c.columns, part] = row
            else:
                word = f["bits_base"] + group * f["bits_tile"] + j // 64 * c.group_tiles
                self.column[word : word + c.group_tiles, :, j % 64] = row.reshape(
                    c.group_tiles, c.columns
                )

    # -- attention -----------------------------------------------------------------------------

    def _score(self, f: dict[str, int]) -> None:
        c, m = self.c, f["keys"]
        for tile in range(f["tiles"]):
            tokens = c.rows if tile < f["tiles"] - 1 else f["last_tokens"]
            pop = np.concatenate(
                [self._accumulate(f, g, tile, signed=False) for g in range(f["outer"])], axis=1
            )[:tokens, :m]
            index = np.clip(pop - f["padding"] - f["index_base"], 0, c.exp_entries - 1)
            e = self.exp[index]
            limit = np.minimum((f["scale"] * e.sum(1)) >> f["scale_shift"], 1 << 24)
            bits = np.zeros((tokens, -(-m // c.lanes) * c.lanes), np.uint8)
            bits[:, :m] = e > limit[:, None]
            word = f["probability_base"] + tile * f["probability_tile"]
            for at in range(0, bits.shape[1], c.lanes):
                self.row[word + at // 64, :tokens, at % 64 : at % 64 + c.lanes] = bits[
                    :, at : at + c.lanes
                ]

    # -- pooling -------------------------------------------------------------------------------

    def _grid(self, f: dict[str, int]) -> None:
        for output in range(f["outputs"]):
            for word in range(f["words"]):
                row = np.arange(f["height"])[:, None] * f["row"]
                column = (output * f["window"] + np.arange(f["window"])) * f["token"]
                total = self.x[f["base"] + row + column + word].sum((0, 1))
                at = f["destination_base"] + output * f["destination_token"] + word
                self.u[at] = saturate(drop(total, f["shift"]), VALUE)

    def _branch(self, f: dict[str, int]) -> None:
        width, words = f["width"], f["words"]
        offset = np.arange(width)[:, None] * f["token"] + np.arange(words)
        rows = [
            self.x[f[f"row{i}"] + offset].reshape(width, -1) if f["valid"] >> i & 1 else None
            for i in range(5)
        ]
        names = [f"{part}_{b}" for part in ("gain", "constant", "loss") for b in BRANCHES]
        at = f["parameter_base"] + np.arange(words)[None] * 12 + np.arange(12)[:, None]
        p = dict(zip(names, self.parameter[at].reshape(12, -1), strict=True))
        total = rows[2].copy()
        shift = SLOPE_SHIFTS[f["slope_shift"]]
        for branch, size in zip(BRANCHES, (3, 3, 5, 5), strict=True):
            reach = size // 2
            if branch[0] == "h":
                taps = [r for r in rows[2 - reach : 3 + reach] if r is not None]
                sums = np.sum(taps, axis=0)
                missing = np.full((width, 1), size - len(taps))
            else:
                padded = np.pad(rows[2], ((reach, reach), (0, 0)))
                sums = sum(padded[i : i + width] for i in range(size))
                column = np.arange(width)
                inside = np.minimum(column + reach, width - 1) - np.maximum(column - reach, 0) + 1
                missing = (size - inside)[:, None]
            s = saturate(sums, TAP_SUM)
            total += saturate(
                drop(p[f"gain_{branch}"] * s, shift)
                + p[f"constant_{branch}"]
                - missing * p[f"loss_{branch}"],
                VALUE,
            )
        out = f["destination_base"] + np.arange(width)[:, None] * f["destination_token"]
        self.u[out + np.arange(words)] = saturate(total, VALUE).reshape(width, words, -1)

    # -- integer layers ------------------------------------------------------------------------

    def _dense(self, f: dict[str, int]) -> None:
        run_dense(f, self._value(f["source"]), self.parameter, self.u)
