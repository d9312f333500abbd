"""The schedule of one block: which operation follows which, over which tokens.

A block has three parts.  *Keys and values*: the input bits, spatial reduction, k and v, over all
tokens.  *Attention*: query, scores, context, output.  *FFN*: hidden, branches, output.  The
last two run over chunks of tokens, skewed so that neighbouring commands are independent and the
array never waits for the lanes or for the attention unit.

Two plans.  **Resident**: x lies in x memory, u (k+v, then q+k+v, then t, then x1 plus the
branches) in u memory, all in place.  **Streaming**: where x does not fit, it passes through x
memory picture row by picture row, twice (once for the spatial reduction), and x2 goes back.
"""

from __future__ import annotations

from hw.spec.commands import FETCH_AHEAD_BEATS
from hw.spec.configuration import Configuration
from sw.compiler.schedule.allocate import allocate, memory_sizes
from sw.compiler.schedule.emit import Emitter
from sw.compiler.schedule.image import BlockImage, ExternalMemory
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.plan import Plan
from sw.compiler.schedule.program import (
    Program,
    ScheduleError,
    assemble,
    hoist_loads,
)
from sw.compiler.schedule.resident import Resident
from sw.compiler.schedule.streaming import Streaming

HOIST = 24
"""Operations that a LOAD may be issued ahead of its first use's place in the program."""


def schedule_block(block: BlockImage, configuration: Configuration) -> Program:
    """The program of one block, all weights and parameters fetched through the memory port.

    Raises
    ------
    ScheduleError
        For a block that the configuration cannot hold: names the memory, needed and available.
    """
    check(block, configuration)
    try:
        return _schedule(Resident, block, configuration)
    except ScheduleError:
        if block.reduction == 1:
            raise
    return _schedule(Streaming, block, configuration)


def _schedule(plan: type[Plan], block: BlockImage, configuration: Configuration) -> Program:
    """The program of one plan; external memory holds x, then what the plan loads, then commands."""
    external = ExternalMemory()
    x_beats = block.tokens * block.channels // configuration.lanes * configuration.lane_beats
    x_address = external.reserve(x_beats)
    streams = plan is Streaming
    result_address = external.reserve(x_beats) if streams else None
    schedule = plan(block, configuration, external, x_address, result_address)
    schedule.emit()
    sizes = memory_sizes(configuration)
    usage = allocate(schedule.emitter.operations, sizes)
    operations = hoist_loads(schedule.emitter.operations, sizes, HOIST)
    words = assemble(operations, sizes)
    start = external.add_commands(words)
    preload: list[int] = []
    if not streams:
        load = Emitter(block, configuration, external, 0)
        load.load_values("x", Values(schedule.x, 0, schedule.token_words), block.tokens, x_address)
        preload = assemble(load.operations, sizes)
    preload_start = external.add_commands(preload) if preload else start
    external.reserve(FETCH_AHEAD_BEATS)
    return Program(
        configuration,
        words,
        operations,
        external.image(),
        start,
        preload,
        preload_start,
        x_address,
        result_address,
        usage,
    )


def check(block: BlockImage, c: Configuration) -> None:
    """Raises ScheduleError for sizes that the gateware does not know."""
    d, rest = divmod(block.channels, block.heads)
    rules = (
        (
            block.channels % 32 == 0 and block.hidden % 32 == 0,
            f"channels={block.channels}, hidden={block.hidden}: both must be multiples of 32",
        ),
        (rest == 0, f"heads={block.heads} does not divide channels={block.channels}"),
        (
            block.hidden % block.channels == 0,
            f"hidden={block.hidden} is no multiple of channels={block.channels}",
        ),
        (
            block.hidden // block.channels in (1, 2, 4, 8),
            f"hidden/channels={block.hidden // block.channels}: channel pooling takes 1, 2, 4 or 8",
        ),
        (
            block.keys >= 1,
            f"reduction={block.reduction} leaves no key of a {block.height}x{block.width} grid",
        ),
        (d >= 1, f"heads={block.heads} exceed channels={block.channels}"),
    )
    for rule, text in rules:
        if not rule:
            raise ScheduleError(f"block: {text}")
    beats = c.rows * -(-block.keys // c.lanes)
    if beats > c.score_words // 2:
        raise ScheduleError(
            f"score memory: a tile of {block.keys} keys needs {beats} words twice, "
            f"{2 * beats} of {c.score_words} available; use a larger score_words or reduction"
        )
