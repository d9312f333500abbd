"""The whole network in integers: pictures to logits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import torch
from torch import Tensor

from hw.spec.image import LOGIT, NORMED
from hw.spec.numerics import VALUE, Format
from sw.compiler.packed import PackedNetwork
from sw.golden import ops
from sw.golden.block import Trace, run_block
from sw.golden.layers import as_layer

CHUNK_ELEMENTS = 1 << 20
"""Elements of the widest tensor that a chunk of pictures may have, to stay near the caches."""


def run(
    packed: PackedNetwork, images: Tensor, trace: Trace | None = None, value: Format = VALUE
) -> Tensor:
    """Logits of pictures.

    Parameters
    ----------
    images : uint8 tensor (N, H, W, 3)
        Pictures of the model's size, as loaded: preprocessing is folded into the stem.
    trace : dict, optional
        Filled with every named tensor of every block, and ``stem``, ``stage{i}.embedding``,
        ``head.pooled``, ``head.mean``, ``logits``.
    value : Format
        Of value tensors; a network for another than VALUE is quantised for it too.

    Returns
    -------
    int64 tensor (N, classes)
        Logits in units of ``packed.scalars["logit_scale"]``; they fit 32 bits.

    Raises
    ------
    ValueError
        For pictures of another shape or type.
    RangeError
        If a tensor leaves its format.
    """
    size = packed.model.image
    if images.dim() == 4 and not len(images):
        return torch.empty(0, packed.model.classes, dtype=torch.int64)
    if images.dtype != torch.uint8 or images.shape[1:] != (size, size, 3):
        raise ValueError(
            f"images are {images.dtype} {tuple(images.shape)}; "
            f"the model takes uint8 (N, {size}, {size}, 3)"
        )
    widest = max(packed.model.tokens(i + 1) * width for i, width in enumerate(packed.model.hidden))
    chunk = max(1, CHUNK_ELEMENTS // widest)
    parts = images.split(chunk)
    traces = [{} if trace is not None else None for _ in parts]
    logits = _spread(lambda i: _run_chunk(packed, parts[i], traces[i], value), len(parts))
    if trace is not None:
        trace.update({key: torch.cat([t[key] for t in traces]) for key in traces[0]})
    return torch.cat(logits)


def _spread(work: Callable[[int], Tensor], count: int) -> list[Tensor]:
    """work(0..count-1): chunks side by side on one thread each, a single chunk on all threads.

    Threads that share one small operation wait for each other longer than they work.
    """
    threads = torch.get_num_threads()
    if count < 2 or threads < 2:
        return [work(i) for i in range(count)]
    contexts = [copy_context() for _ in range(count)]  # a new thread would not see who counts
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(lambda i: contexts[i].run(work, i), range(count)))
    finally:
        torch.set_num_threads(threads)


def _run_chunk(packed: PackedNetwork, images: Tensor, trace: Trace | None, value: Format) -> Tensor:
    x = stem(packed, images, trace, value)
    for stage, depth in enumerate(packed.model.depths, start=1):
        if stage > 1:
            x = embed(packed, stage, x, trace, value)
        for block in range(depth):
            x = run_block(packed, stage, block, x, trace, value)
    return head(packed, x, trace, value)


def run_until(packed: PackedNetwork, images: Tensor, stage: int, block: int) -> Tensor:
    """The input x (B, N, C) of a block, from pictures as :func:`run` takes them."""
    x = stem(packed, images)
    for i, depth in enumerate(packed.model.depths, start=1):
        if i > 1:
            x = embed(packed, i, x)
        for j in range(depth):
            if (i, j) == (stage, block):
                return x
            x = run_block(packed, i, j, x)
    raise ValueError(f"stage {stage} block {block}: the model has depths {packed.model.depths}")


def _record(trace: Trace | None, name: str, value: Tensor) -> Tensor:
    if trace is not None:
        trace[name] = value
    return value


def patches(x: Tensor, p: int) -> Tensor:
    """(B, H, W, C) -> (B, H/p * W/p, p*p*C), ordered (row, column, channel) inside a patch."""
    b, h, w, c = x.shape
    grid = x.view(b, h // p, p, w // p, p, c).permute(0, 1, 3, 2, 4, 5)
    return grid.reshape(b, (h // p) * (w // p), p * p * c)


def stem(
    packed: PackedNetwork, images: Tensor, trace: Trace | None = None, value: Format = VALUE
) -> Tensor:
    """Pictures (B, H, W, 3) to x of stage 1, (B, N, C).

    Pixels enter as pixel - 128 (the top bit flipped), int8; the offset is in the bias.
    """
    layer = as_layer(packed.layer("stem"), value)
    y = layer.integer(patches(images.to(torch.int32) - 128, packed.model.patch))
    if packed.model.class_token:
        y = torch.cat([y.new_zeros(len(y), 1, y.shape[2]), y], 1)
    return _record(trace, "stem", ops.add_main(y, layer.position, value, "stem"))


def embed(
    packed: PackedNetwork,
    stage: int,
    x: Tensor,
    trace: Trace | None = None,
    value: Format = VALUE,
) -> Tensor:
    """From x of the previous stage to x of `stage`: a 2x2 patch embedding, binary or real."""
    name = f"stage{stage}.embedding"
    layer, side = as_layer(packed.layer(name), value), packed.model.side(stage - 1)
    b, _, c = x.shape
    if packed.model.embedding == "real":
        n = as_layer(packed.layer(f"{name}.norm"), value).post(None, x)
        n = _record(trace, f"{name}.n", ops.saturate(n, NORMED, f"{name}.n"))
        y = layer.integer(patches(n.view(b, side, side, c), 2))
    else:
        bits = as_layer(packed.layer(f"{name}.pass"), value).bits(x)
        _record(trace, f"{name}.bits", bits)
        mean = ops.grid_mean(x, side, 2, 2, value, f"{name}.pooled_mean")
        _record(trace, f"{name}.pooled_mean", mean)
        residual = mean.repeat(1, 1, packed.layer(name).outputs // c)
        y = layer.linear(patches(bits.view(b, side, side, c), 2), residual)
    return _record(trace, name, ops.add_main(y, layer.position, value, name))


def head(
    packed: PackedNetwork, x: Tensor, trace: Trace | None = None, value: Format = VALUE
) -> Tensor:
    """From x of the last stage to logits: mean over tokens (or class token), norm, classifier."""
    if packed.model.class_token:
        mean = x[:, 0]
    else:
        shift = int(packed.scalars["head_shift"])
        total = ops.drop(x.sum(1, dtype=torch.int64), shift)
        mean = ops.saturate(total, value, "head.pooled")
    _record(trace, "head.pooled", mean)
    y = as_layer(packed.layer("head"), value).post(None, mean, "head.mean")
    _record(trace, "head.mean", y)
    classifier = packed.layer("classifier")
    logits = y.to(torch.int64) @ torch.from_numpy(classifier.matrix).to(torch.int64).T
    logits += torch.from_numpy(classifier.bias).to(torch.int64)
    return _record(trace, "logits", ops.check("logits", logits, LOGIT))
