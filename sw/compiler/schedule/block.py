"""The schedule of one block: which operation follows which, over which tokens.

A block has three parts.  *Keys and values*: the input bits, spatial reduction, k and v, over all
tokens.  *Attention*: query, scores, context, output.  *FFN*: hidden, branches, output.  The
last two run over chunks of tokens, skewed so that neighbouring commands are independent and the
array never waits for the lanes or for the attention unit.

Three plans.  **Resident**: x lies in x memory, u (k+v, then q+k+v, then t, then x1 plus the
branches) in u memory, all in place.  **Streaming**: where x does not fit, it passes through x
memory picture row by picture row, twice (once for the spatial reduction), and x2 goes back.
**Chunked**: the same without a spatial reduction, in as few runs of tokens as fit, k and v made
twice.
"""

from __future__ import annotations

from hw.spec.commands import FETCH_AHEAD_BEATS, LANES
from hw.spec.configuration import Configuration
from sw.compiler.schedule.allocate import allocate, memory_sizes
from sw.compiler.schedule.assemble import assemble
from sw.compiler.schedule.chunked import Chunked
from sw.compiler.schedule.emit import Emitter, Stream
from sw.compiler.schedule.external import ExternalMemory
from sw.compiler.schedule.image import BlockImage
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.order import by_start
from sw.compiler.schedule.plan import LANE_POOLS, Plan
from sw.compiler.schedule.program import Buffer, Program, ScheduleError
from sw.compiler.schedule.resident import Resident
from sw.compiler.schedule.streaming import Streaming

TOKEN_WORDS = (1 << next(f.bits for f in LANES if f.name == "destination_token")) - 1
"""Words a token that a command can tell of."""
GROUP_STEP = (1 << next(f.bits for f in LANES if f.name == "group_step")) - 1
"""Channel groups between those that a command runs behind one another."""


def schedule_block(block: BlockImage, configuration: Configuration) -> Program:
    """The program of one block, all weights and parameters fetched through the memory port.

    Raises
    ------
    ScheduleError
        For a block that the configuration cannot hold: names the memory, needed and available.
    """
    return _schedule(choose_plan(block, configuration), block, configuration)


def choose_plan(block: BlockImage, configuration: Configuration) -> type[Plan]:
    """The first plan whose buffers fit.

    Raises
    ------
    ScheduleError
        If none does: what the last one, which keeps the least on chip, lacks.
    """
    check(block, configuration)
    plans: list[type[Plan]] = [Resident]
    if block.reduction > 1:
        plans.append(Streaming)
    elif block.branch is None:
        plans.append(Chunked)
    lacks = None
    for plan in plans:
        stream = Stream(configuration, ExternalMemory())
        try:
            plan(block, stream, input_of(plan, block, configuration)).emit()
            allocate(stream.operations, _sizes(plan, block, configuration))
        except ScheduleError as error:
            lacks = error
        else:
            return plan
    raise lacks


def input_of(plan: type[Plan], block: BlockImage, configuration: Configuration) -> Buffer:
    """x of one block alone: on chip to the end, or the first words of external memory."""
    words = block.tokens * block.channels // configuration.lanes
    if plan is Resident:
        return Buffer("x", "x", words, keep=True)
    return Buffer("x", "spill", words, base=0)


def _sizes(plan: type[Plan], block: BlockImage, c: Configuration) -> dict[str, int]:
    """Words of every memory: x and x2 of a block whose x is not on chip are spilled."""
    spills = 0 if plan is Resident else 2 * block.tokens * block.channels // c.lanes
    return memory_sizes(c) | {"spill": spills}


def _schedule(plan: type[Plan], block: BlockImage, configuration: Configuration) -> Program:
    """The program of one plan; external memory holds x, then what the plan loads, then commands."""
    sizes = _sizes(plan, block, configuration)
    external = ExternalMemory()
    x = input_of(plan, block, configuration)
    x_address = external.reserve(max(x.words, sizes["spill"]) * configuration.lane_beats, "spills")
    stream = Stream(configuration, external)
    x2 = plan(block, stream, x).emit()
    usage = allocate(stream.operations, sizes)
    operations = by_start(stream.operations, sizes, configuration)
    words = assemble(operations, sizes)
    start = external.add_commands(words)
    preload: list[int] = []
    if plan is Resident:
        load = Stream(configuration, external)
        values = Values(x, 0, block.channels // configuration.lanes)
        Emitter(load, {}, 0).load_values("x", values, block.tokens, x_address)
        preload = assemble(load.operations, sizes)
    preload_start = external.add_commands(preload) if preload else start
    external.reserve(FETCH_AHEAD_BEATS, "program")
    return Program(
        configuration,
        words,
        operations,
        external.image(),
        start,
        preload,
        preload_start,
        x_address,
        None if plan is Resident else x2.base * configuration.lane_beats,
        {memory: used for memory, used in usage.items() if memory != "spill"},
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
            block.hidden // block.channels in LANE_POOLS or block.hidden // c.lanes <= TOKEN_WORDS,
            f"hidden={block.hidden} is more than {TOKEN_WORDS} words of {c.lanes} lanes, and "
            f"hidden/channels={block.hidden // block.channels} is none of "
            f"{', '.join(map(str, LANE_POOLS))}; use a configuration with more lanes",
        ),
        (
            block.hidden == block.channels or block.channels // c.lanes <= GROUP_STEP,
            f"channels={block.channels} are more than {GROUP_STEP} groups of {c.lanes} lanes; "
            "use a configuration with more lanes",
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
