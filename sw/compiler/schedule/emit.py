"""Emits operations layer by layer: buffers, addresses and accesses of each command."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hw.spec.commands import Bits, Opcode, Source, Target
from hw.spec.configuration import Configuration
from sw.compiler.schedule.image import (
    BlockImage,
    ExternalMemory,
    LayerImage,
    branch_words,
    execution_groups,
    parameter_words,
    weight_words,
)
from sw.compiler.schedule.operands import BitsTo, Unit, Upsampled, Values
from sw.compiler.schedule.program import Access, At, Buffer, Operation

_SOURCE = {"x": Source.X, "u": Source.U}


class Emitter:
    """Collects the operations of one block.

    Parameters
    ----------
    block : BlockImage
    configuration : Configuration
    external : ExternalMemory
        Receives weights, parameters and tables.
    unit_words : int
        Column words of weights that one LOAD brings at most (at least one group).
    """

    def __init__(
        self,
        block: BlockImage,
        configuration: Configuration,
        external: ExternalMemory,
        unit_words: int,
    ) -> None:
        self.block = block
        self.c = configuration
        self.external = external
        self.operations: list[Operation] = []
        self._unit_words = unit_words
        self._units: dict[tuple[str, int], Unit] = {}
        self._exp: Buffer | None = None
        self._branch: Buffer | None = None

    # -- loads ---------------------------------------------------------------------------------

    def _load(self, layer: str, target: Target, words: np.ndarray) -> Buffer:
        """Puts an array (a row a memory word) in external memory and loads it."""
        memory = {Target.COLUMN: "column", Target.PARAMETER: "parameter", Target.EXP: "exp"}[target]
        buffer = Buffer(f"{layer}.{memory}", memory, len(words))
        self.operations.append(
            Operation(
                Opcode.LOAD,
                f"{layer}.load",
                {
                    "target": int(target),
                    "address": self.external.add(words),
                    "word": At(buffer),
                    "words": len(words),
                },
                [Access(buffer, 0, len(words), True)],
            )
        )
        return buffer

    def units(self, name: str, inner: int = 1) -> Iterator[Unit]:
        """The layer's units in execution order, each loaded in front of its first use."""
        layer, c = self.block.layers[name], self.c
        order = execution_groups(layer.outputs, c.lanes, inner)
        group_words = c.group_tiles * layer.weight.shape[1] if layer.weight is not None else 1
        step = max(1, self._unit_words // (group_words * inner)) * inner
        for first in range(0, len(order), step):
            if (name, first) not in self._units:
                self._units[name, first] = self._load_unit(name, order, first, step)
            yield self._units[name, first]

    def _load_unit(self, name: str, order: list[int], first: int, step: int) -> Unit:
        layer, c = self.block.layers[name], self.c
        groups = order[first : first + step]
        weights = None
        if layer.weight is not None:
            weights = self._load(name, Target.COLUMN, weight_words(layer, groups, c))
        parameters = self._load(name, Target.PARAMETER, parameter_words(layer, groups, c))
        return Unit(first, first + len(groups), weights, parameters)

    def load_values(self, name: str, values: Values, tokens: int, address: int) -> None:
        """Brings `tokens` tokens of x from external memory."""
        words = tokens * values.token_words
        self.operations.append(
            Operation(
                Opcode.LOAD,
                name,
                {
                    "target": int(Target.X),
                    "address": address,
                    "word": At(values.buffer, values.offset),
                    "words": words,
                },
                [values.access(tokens, True)],
            )
        )

    def store_values(self, name: str, values: Values, tokens: int, address: int) -> None:
        """Writes `tokens` tokens of x to external memory."""
        words = tokens * values.token_words
        self.operations.append(
            Operation(
                Opcode.STORE,
                name,
                {
                    "source": int(Source.X),
                    "address": address,
                    "word": At(values.buffer, values.offset),
                    "words": words,
                },
                [values.access(tokens, False)],
            )
        )

    def load_exp(self) -> Buffer:
        """Brings the exponential table, once."""
        if self._exp is None:
            table = np.zeros((len(self.block.exp), 2), dtype=np.uint64)
            table[:, 0] = self.block.exp
            self._exp = self._load("exp", Target.EXP, table)
        return self._exp

    # -- array and lanes -----------------------------------------------------------------------

    def tiles(self, tokens: int) -> dict[str, int]:
        """Fields ``tiles`` and ``last_tokens``."""
        tiles = -(-tokens // self.c.rows)
        return {"tiles": tiles, "last_tokens": tokens - (tiles - 1) * self.c.rows}

    def _lanes(
        self,
        layer: LayerImage,
        unit: Unit,
        tokens: int,
        *,
        residual: Values | None,
        main: Values | Upsampled | None,
        destination: Values | None,
        bits: BitsTo | None,
        words: tuple[int, int],
    ) -> tuple[dict, list[Access]]:
        """LANES fields and accesses; words [first, last) of operands and destination."""
        skip = words[0]
        fields: dict[str, int | At] = {
            "gain_shift": layer.gain_shift,
            "slope_shift": layer.slope_shift,
            "up": 1,
            "sets": 1,
            "residual_gain": layer.constants.get("residual_gain", 0),
            "slope_positive": layer.constants.get("slope_positive", 0),
            "parameter_base": At(unit.parameters),
            "parameter_fields": layer.fields_mask,
        }
        accesses = [Access(unit.parameters, 0, unit.parameters.words, False)]
        if residual is not None:
            fields |= {
                "residual": int(_SOURCE[residual.buffer.memory]),
                "residual_base": At(residual.buffer, residual.offset + skip),
                "residual_token": residual.token_words,
            }
            accesses.append(residual.access(tokens, False, *words))
        if main is not None:
            fields |= {
                "main": int(_SOURCE[main.buffer.memory]),
                "main_base": At(main.buffer, main.offset + skip),
                "main_token": main.token_words,
            }
            if isinstance(main, Upsampled):
                fields |= {"up": main.factor, "up_row": main.row, "width": main.width}
            accesses.append(main.access(tokens, False, *words))
        if destination is not None:
            fields |= {
                "destination": int(_SOURCE[destination.buffer.memory]),
                "destination_base": At(destination.buffer, destination.offset),
                "destination_token": destination.token_words,
            }
            accesses.append(destination.access(tokens, True, *words))
        if bits is not None:
            fields |= {
                "bits": int(bits.kind),
                "bits_from_out": int(bits.from_out),
                "sets": layer.sets,
                "bits_base": At(bits.buffer, bits.offset),
                "bits_set": bits.set_words,
                "bits_tile": bits.tile_words,
                "first_key": bits.first_key,
            }
            accesses.append(self._bits_access(bits, layer.sets, tokens))
        return fields, accesses

    def _bits_access(self, bits: BitsTo, sets: int, tokens: int) -> Access:
        if bits.kind is not Bits.ROW:
            return Access(bits.buffer, 0, bits.buffer.words, True)
        words = self.tiles(tokens)["tiles"] * bits.tile_words
        return Access(
            bits.buffer, bits.offset, bits.offset + (sets - 1) * bits.set_words + words, True
        )

    def linear(
        self,
        name: str,
        first: int,
        tokens: int,
        row: Access,
        *,
        residual: Values | None,
        main: Values | Upsampled | None = None,
        destination: Values | None = None,
        bits: BitsTo | None = None,
        inner: int = 1,
        pool: int | None = None,
    ) -> None:
        """A binary linear layer over `tokens` tokens whose bits lie in `row`.

        One command a unit; `inner` > 1 runs groups that share a residual one behind another.
        """
        layer, c = self.block.layers[name], self.c
        k_words = layer.weight.shape[1]
        padding = 64 * k_words - layer.inputs
        all_groups = layer.outputs // c.lanes
        for unit in self.units(name, inner):
            first_outer = unit.first // inner
            fields, accesses = self._lanes(
                layer,
                unit,
                tokens,
                residual=residual,
                main=main,
                destination=destination,
                bits=bits,
                words=(first_outer, unit.last // inner),
            )
            fields |= self.tiles(tokens) | {
                "outer": (unit.last - unit.first) // inner,
                "inner": inner,
                "heads": 1,
                "words": k_words,
                "row_base": At(row.buffer, row.start),
                "row_tile": k_words,
                "column_base": At(unit.weights),
                "column_group": k_words * c.group_tiles,
                "last_bit": 64 - padding,
                "head_channels": c.lanes,
                "double": 1,
                "offset": layer.inputs + 2 * padding,
                "first_group": first_outer,
                "group_step": all_groups // inner if inner > 1 else 0,
            }
            if pool is not None:
                fields |= {"pooled": 1, "pool": pool}
            accesses += [row, Access(unit.weights, 0, unit.weights.words, False)]
            outputs = (unit.last - unit.first) * c.lanes
            self.operations.append(
                Operation(
                    Opcode.LINEAR,
                    name,
                    fields,
                    accesses,
                    {"first": first, "tokens": tokens},
                    macs=tokens * outputs * layer.inputs,
                    elements=tokens * outputs,
                )
            )

    def threshold(self, name: str, first: int, tokens: int, main: Values, bits: BitsTo) -> None:
        """PASS: bits of stored values."""
        layer = self.block.layers[name]
        for unit in self.units(name):
            fields, accesses = self._lanes(
                layer,
                unit,
                tokens,
                residual=None,
                main=main,
                destination=None,
                bits=bits,
                words=(unit.first, unit.last),
            )
            fields |= self.tiles(tokens) | {
                "outer": unit.last - unit.first,
                "inner": 1,
                "heads": 1,
                "words": 1,
                "first_group": unit.first,
            }
            self.operations.append(
                Operation(Opcode.PASS, name, fields, accesses, {"first": first, "tokens": tokens})
            )

    # -- attention -----------------------------------------------------------------------------

    def scores(
        self, first: int, tokens: int, head: int, query: Access, keys: Buffer, probability: Buffer
    ) -> None:
        """SCORE of one head over `tokens` queries."""
        block, c = self.block, self.c
        d = block.channels // block.heads
        low, high = head * d, (head + 1) * d
        word0, word1 = low // 64, (high - 1) // 64
        k_words = -(-block.channels // 64)
        m_words = -(-block.keys // 64)
        tiles = self.tiles(tokens)
        base = head * tiles["tiles"] * m_words
        words = word1 - word0 + 1
        exp = self.load_exp()
        fields = tiles | {
            "outer": -(-block.keys // c.lanes),
            "inner": 1,
            "heads": 1,
            "words": words,
            "row_base": At(query.buffer, query.start + word0),
            "row_tile": k_words,
            "column_base": At(keys, word0 * c.group_tiles),
            "column_group": k_words * c.group_tiles,
            "first_bit": low % 64,
            "last_bit": (high - 1) % 64 + 1,
            "head_channels": c.lanes,
            "keys": block.keys,
            "index_base": block.index_base,
            "padding": 64 * words - d,
            "probability_base": At(probability, base),
            "probability_tile": m_words,
            "scale": block.scale,
            "scale_shift": block.scale_shift,
        }
        self.operations.append(
            Operation(
                Opcode.SCORE,
                "attention.scores",
                fields,
                [
                    query,
                    Access(keys, 0, keys.words, False),
                    Access(exp, 0, exp.words, False),
                    Access(probability, base, base + tiles["tiles"] * m_words, True),
                ],
                {"first": first, "tokens": tokens, "head": head},
                macs=tokens * block.keys * d,
            )
        )

    def context(
        self, first: int, tokens: int, values: Buffer, probability: Buffer, u: Values, bits: BitsTo
    ) -> None:
        """CONTEXT, a command a channel group: signed sum, then U to t in place."""
        block, c = self.block, self.c
        name = "context"
        layer = block.layers[name]
        d = block.channels // block.heads
        m_words = -(-block.keys // 64)
        tiles = self.tiles(tokens)
        head_words = tiles["tiles"] * m_words
        group_words = m_words * c.group_tiles
        for unit in self.units(name):
            for group in range(unit.first, unit.last):
                head0, head1 = group * c.lanes // d, ((group + 1) * c.lanes - 1) // d
                skip = (group - unit.first) * layer.field_count
                fields, accesses = self._lanes(
                    layer,
                    unit,
                    tokens,
                    residual=u,
                    main=None,
                    destination=u,
                    bits=bits,
                    words=(group, group + 1),
                )
                fields |= tiles | {
                    "parameter_base": At(unit.parameters, skip),
                    "outer": 1,
                    "inner": 1,
                    "heads": head1 - head0 + 1,
                    "words": m_words,
                    "row_base": At(probability, head0 * head_words),
                    "row_tile": m_words,
                    "row_head": head_words,
                    "column_base": At(values, group * group_words),
                    "column_group": group_words,
                    "last_bit": (block.keys - 1) % 64 + 1,
                    "head_channels": d,
                    "head_skip": group * c.lanes - head0 * d,
                    "first_group": group,
                }
                accesses += [
                    Access(probability, head0 * head_words, (head1 + 1) * head_words, False),
                    Access(values, group * group_words, (group + 1) * group_words, False),
                ]
                self.operations.append(
                    Operation(
                        Opcode.CONTEXT,
                        name,
                        fields,
                        accesses,
                        {"first": first, "tokens": tokens},
                        macs=tokens * block.keys * c.lanes,
                        elements=tokens * c.lanes,
                    )
                )

    # -- pooling unit --------------------------------------------------------------------------

    def grid(self, row: int, x: Values, outputs: Values) -> None:
        """GRID: one row of the reduced grid from `reduction` rows of x."""
        block, r = self.block, self.block.reduction
        self.operations.append(
            Operation(
                Opcode.GRID,
                "attention.pooled_mean",
                {
                    "base": At(x.buffer, x.offset),
                    "token": x.token_words,
                    "row": block.width * x.token_words,
                    "height": r,
                    "window": r,
                    "outputs": block.pooled_width,
                    "words": x.token_words,
                    "shift": block.grid_shift,
                    "destination_base": At(outputs.buffer, outputs.offset),
                    "destination_token": outputs.token_words,
                },
                [x.access(r * block.width, False), outputs.access(block.pooled_width, True)],
                {"first": row * block.pooled_width, "tokens": block.pooled_width},
            )
        )

    def branch(self, row: int, x_rows: list[Values | None], u: Values) -> None:
        """BRANCH: the pooled branches of one picture row; `x_rows` are rows y-2..y+2."""
        if self._branch is None:
            self._branch = self._load("branch", Target.PARAMETER, branch_words(self.block, self.c))
        parameters = self._branch
        width, centre = self.block.width, x_rows[2]
        fields: dict[str, int | At] = {
            f"row{i}": At(v.buffer, v.offset) if v else 0 for i, v in enumerate(x_rows)
        }
        fields |= {
            "valid": sum(1 << i for i, v in enumerate(x_rows) if v),
            "token": centre.token_words,
            "width": width,
            "words": centre.token_words,
            "slope_shift": self.block.branch_slope_shift,
            "destination_base": At(u.buffer, u.offset),
            "destination_token": u.token_words,
            "parameter_base": At(parameters),
        }
        self.operations.append(
            Operation(
                Opcode.BRANCH,
                "branch",
                fields,
                [v.access(width, False) for v in x_rows if v]
                + [u.access(width, True), Access(parameters, 0, parameters.words, False)],
                {"first": row * width, "tokens": width},
            )
        )
