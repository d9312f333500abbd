"""The head's operations: mean over tokens or class token, norm, classifier."""

from __future__ import annotations

from hw.spec.commands import Operand
from sw.compiler.packed import PackedNetwork
from sw.compiler.schedule.dense import Matrix, Operands
from sw.compiler.schedule.emit import Emitter, Stream
from sw.compiler.schedule.image import layer_image
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.passes import affine
from sw.compiler.schedule.pooling import Window, grid
from sw.compiler.schedule.program import Buffer


def result_words(classes: int, lanes: int) -> int:
    """U words of the logits: low and high halves of `lanes` classes."""
    return 2 * -(-classes // lanes)


def head(stream: Stream, packed: PackedNetwork, x: Values, result: int) -> None:
    """From x of the last stage to logits at beat `result`."""
    c, shape = stream.configuration, packed.model
    e = Emitter(stream, {"head": layer_image(packed.layer("head"))}, c.column_words)
    words = x.token_words
    mean = Values(Buffer("head.mean", "u", words), 0, words)
    if shape.class_token:
        if x.buffer.memory == "spill":
            token = Values(Buffer("head.token", "x", words), 0, words)
            e.load_values("head.load", token, 1, x)
            x = token
        grid(e, "head.pooled", 0, x, mean, Window(1, 1, 1, 0))
    else:
        side = shape.side(shape.stages)
        window = Window(side, 1, side, int(packed.scalars["head_shift"]))
        if x.buffer.memory == "spill":
            _mean_of_spilled(e, x, mean, window)
        else:
            grid(e, "head.pooled", 0, x, mean, window)
    affine(e, "head", 0, 1, mean, mean)
    classifier = packed.layer("classifier")
    matrix = Matrix(e, "classifier", classifier)
    out = result_words(shape.classes, c.lanes)
    logits = Values(Buffer("logits", "u", out), 0, out)
    operands = Operands(Operand.VALUE, mean, classifier.inputs // 2)
    matrix.multiply(0, [(operands, 1)], logits)
    e.store_values("logits.store", logits, 1, result)


def _mean_of_spilled(e: Emitter, x: Values, mean: Values, window: Window) -> None:
    """The mean needs all tokens at once: as many channels of them as x memory holds."""
    tokens, words = window.edge**2, x.token_words
    step = max(1, e.c.x_words // (2 * tokens))
    for first in range(0, words, step):
        count = min(step, words - first)
        part = Values(Buffer("head.part", "x", tokens * count), 0, count)
        for token in range(tokens):
            run = Values(x.buffer, x.offset + token * words + first, count)
            e.load_values("head.load", part.at(token), 1, run)
        grid(e, "head.pooled", first, part, Values(mean.buffer, first, count), window)
