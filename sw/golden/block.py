"""One block in integers, every named tensor offered to the trace.

Never formed, in hardware or here: ``n1`` and ``n2`` (folded into thresholds and residual gains).
Bits are traced as stored: a bit whose norm gain is negative is stored inverted, with the
consumer's weights negated to match.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hw.spec.numerics import VALUE, Format
from sw.compiler.packed import PackedBlock, PackedNetwork, block_name
from sw.golden import ops
from sw.golden.layers import Layer, as_layer

Trace = dict[str, Tensor]


class Recorder:
    """Stores tensors under a block's prefix; does nothing without a trace."""

    def __init__(self, prefix: str, trace: Trace | None) -> None:
        self.prefix, self.trace = prefix, trace

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        """Records `tensor` (by chunks of pictures: a list is joined later) and returns it."""
        if self.trace is not None:
            self.trace[f"{self.prefix}.{name}"] = tensor
        return tensor

    def formed(self, name: str, make: Callable[..., Tensor], *operands) -> Tensor:
        """Records what `make` forms of operands; it saturates under the name of the trace."""
        return self(name, make(*operands, name=f"{self.prefix}.{name}"))


def run_block(
    packed: PackedNetwork,
    stage: int,
    block: int,
    x: Tensor,
    trace: Trace | None = None,
    value: Format = VALUE,
) -> Tensor:
    """x2 of a block.

    Parameters
    ----------
    stage, block : int
        Stage from 1, block from 0.
    x : integer tensor (N, C) or (B, N, C)
        The block's input, in the stage's fraction.
    trace : dict, optional
        Filled with every named tensor, ``stage{i}.block{j}.`` before each name.
    value : Format
        Of value tensors; a network for another than VALUE is quantised for it too.

    Raises
    ------
    RangeError
        If a tensor leaves its format.
    """
    single = x.dim() == 2
    x = (x[None] if single else x).to(torch.int32)
    name = block_name(stage, block)
    config = packed.block(stage, block)
    record = Recorder(name, trace)

    def layer(part: str) -> Layer:
        return as_layer(packed.layer(f"{name}.{part}"), value)

    record("x", ops.check(f"{name}.x", x, value))
    t_bits, t = _attention(config, layer, record, x, value)
    output = layer("output")
    x1 = record.formed("x1", ops.add_main, output.linear(t_bits, t), x, value)
    hidden_bits_in = record("ffn.n2_bits", output.bits(x1))

    hidden, ffn = layer("hidden"), layer("ffn")
    tiled = x1.repeat(1, 1, config.hidden // config.channels)
    f = record.formed("ffn.hidden", hidden.linear, hidden_bits_in, tiled)
    f_bits = record("ffn.hidden_bits", hidden.bits(f))
    pf = record("ffn.pooled", ops.channel_pool(f, config.pool))
    y = record.formed("ffn.y", ffn.linear, f_bits, pf)
    main = _branches(packed, config, record, x1, value) if packed.model.pooled_branches else x1
    x2 = record.formed("x2", ops.add_main, y, main, value)
    if single and trace is not None:
        for key in [k for k in trace if k.startswith(name + ".")]:
            trace[key] = trace[key][0]
    return x2[0] if single else x2


def _attention(
    config: PackedBlock, layer, record, x: Tensor, value: Format
) -> tuple[Tensor, Tensor]:
    """Output's input bits and t."""
    r, side = config.reduction, config.side
    entry = layer("pass")
    q_in = record("attention.q_in_bits", entry.bits(x, 0))
    if r == 1:
        k_in, v_in, source = entry.bits(x, 1), entry.bits(x, 2), x
    else:
        window = (x, side, r, config.grid_shift, value)
        px = record.formed("attention.pooled_mean", ops.grid_mean, *window)
        reduction = layer("reduction")
        px_bits = record("attention.reduction_bits", layer("pass_pooled").bits(px))
        source = record.formed("attention.reduced", reduction.linear, px_bits, px)
        k_in, v_in = reduction.bits(source, 0), reduction.bits(source, 1)
    record("attention.k_in_bits", k_in)
    record("attention.v_in_bits", v_in)

    key, values, query = layer("key"), layer("value"), layer("query")
    k = record.formed("attention.k", key.linear, k_in, source)
    v = record.formed("attention.v", values.linear, v_in, source)
    q = record.formed("attention.q", query.linear, q_in, x)
    k_bits = record("attention.k_bits", key.bits(k))
    v_bits = record("attention.v_bits", values.bits(v))
    q_bits = record("attention.q_bits", query.bits(q))
    kv = record.formed("attention.kv", ops.add_main, v, k, value)
    spread = kv if r == 1 else ops.upsample(kv, side, r)
    u = record.formed("attention.u", ops.add_main, q, spread, value)

    d = config.head_width
    pop = ops.population(_split(q_bits, d), _split(k_bits, d))
    if record.trace is not None:
        record("attention.scores", 2 * pop - d)
    bits = record(
        "attention.probability_bits",
        ops.attention_bits(
            pop, torch.from_numpy(config.exp), config.index_base, config.scale, config.scale_shift
        ),
    )
    s = ops.attended_sum(bits, _split(v_bits, d))
    s = record("attention.context", s.transpose(1, 2).reshape(x.shape))
    context = layer("context")
    t = record.formed("attention.t", context.post, s, u)
    return record("attention.t_bits", context.bits(t)), t


def _split(bits: Tensor, d: int) -> Tensor:
    """(B, N, C) -> (B, heads, N, d)."""
    b, n, c = bits.shape
    return bits.view(b, n, c // d, d).transpose(1, 2)


def _branches(
    packed: PackedNetwork, config: PackedBlock, record, x1: Tensor, value: Format
) -> Tensor:
    """x1 plus the four pooled branches, saturated once."""
    packed_branch = packed.branch(config.name)
    side = config.side
    first = x1.shape[1] - side * side
    grid = x1[:, first:].view(x1.shape[0], side, side, -1)
    total = grid.clone()
    for which, axis, taps in (("h3", 1, 3), ("w3", 2, 3), ("h5", 1, 5), ("w5", 2, 5)):
        gain, constant, loss = (
            torch.from_numpy(packed_branch.parameters[f"{part}_{which}"].astype("i4"))
            for part in ("gain", "constant", "loss")
        )
        missing = ops.missing_taps(side, taps).view((-1, 1, 1) if axis == 1 else (-1, 1))
        name = f"{config.name}.branch.{which}"
        taken = ops.tap_sum(grid, axis, taps, f"{name}: taps")
        addend = ops.branch(
            taken, missing, gain, constant, loss, packed_branch.slope_shift, value, name
        )
        record(f"branch.{which}", addend.view(x1.shape[0], side * side, -1))
        total += addend
    total = ops.saturate(total, value, f"{config.name}.branch.sum")
    total = total.view(x1.shape[0], side * side, -1)
    return record("branch.sum", torch.cat([x1[:, :first], total], 1) if first else total)
