"""The schedule of a whole network: one program from pixels to logits.

The stem, every block by its plan, the embeddings between stages and the head emit into one list of
operations, which is placed and assembled once: loads of the next layer, block or stage run as far
ahead as words are free.  A stage's x stays in x memory where its blocks fit, else it passes
through the first words of external memory, the *spill* memory, placed like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hw.spec.commands import FETCH_AHEAD_BEATS
from hw.spec.configuration import Configuration
from sw.compiler.packed import PackedNetwork, block_name
from sw.compiler.schedule.allocate import allocate, memory_sizes
from sw.compiler.schedule.assemble import assemble
from sw.compiler.schedule.batch import Share, Shared, equal_share, first_share, merge
from sw.compiler.schedule.block import choose_plan
from sw.compiler.schedule.embedded_rows import EmbeddedRows
from sw.compiler.schedule.embedding import Embedding, embedding
from sw.compiler.schedule.emit import Stream
from sw.compiler.schedule.external import ExternalMemory
from sw.compiler.schedule.head import head, result_words
from sw.compiler.schedule.image import block_image
from sw.compiler.schedule.input_bits import InputBits
from sw.compiler.schedule.network_program import NetworkProgram
from sw.compiler.schedule.operands import Values
from sw.compiler.schedule.order import by_start
from sw.compiler.schedule.plan import Plan
from sw.compiler.schedule.pooled import PooledRows
from sw.compiler.schedule.program import Buffer, ScheduleError
from sw.compiler.schedule.resident import Resident
from sw.compiler.schedule.stem import pixel_words, stem
from sw.compiler.schedule.streaming import Streaming


@dataclass(frozen=True)
class Ahead:
    """What a layer does for those that follow it, where that looks possible.

    Attributes
    ----------
    bits : bool
        Whoever makes x forms the bits that the block which reads it wants first.
    embeds : bool
        A stage's last x is embedded row by row as it is made.
    turns : bool
        The pictures of a batch take turns from the stem on, not only behind the first stage.
    """

    bits: bool
    embeds: bool
    turns: bool = False


def network_program(
    packed: PackedNetwork, configuration: Configuration, batch: int = 1
) -> NetworkProgram:
    """The program of a whole network, for so many pictures at a time.

    The pictures of a batch take turns at every layer, whose weights and parameters are fetched
    once; each has values and bits of its own.

    Raises
    ------
    ScheduleError
        For a network that the configuration cannot hold so many times: names the block or memory,
        needed and available.
    """
    if batch < 1:
        raise ScheduleError(f"batch={batch} is below 1; use 1 for a picture at a time")
    # What layers need together that work for one another is known only when placed.
    ways = [Ahead(bits=True, embeds=True), Ahead(bits=False, embeds=True), Ahead(False, False)]
    if batch > 1:
        ways = [replace(way, turns=turns) for turns in (False, True) for way in ways]
    for way in ways:
        try:
            return _program(packed, configuration, way, batch)
        except ScheduleError as error:
            lacks = error
    raise lacks if batch == 1 else ScheduleError(f"batch={batch}: {lacks}, or a smaller batch")


def _program(packed: PackedNetwork, c: Configuration, ahead: Ahead, batch: int) -> NetworkProgram:
    """The program by given plans."""
    first = later = c
    if batch > 1:
        later = equal_share(c, batch)
        first = later if ahead.turns else first_share(c, packed.model, batch)
    plans = _plans(packed, first, later)
    streamed = [stage for stage, plan in plans.items() if plan is not Resident]
    if batch > 1 and streamed:
        raise ScheduleError(
            f"stage {streamed[0]} of so many pictures does not stay on chip; use a configuration "
            "with more x_words, u_words and row_words"
        )
    shape = packed.model
    spilled = [
        shape.tokens(stage) * shape.channels[stage - 1] // c.lanes
        for stage, plan in plans.items()
        if plan is not Resident
    ]
    sizes = memory_sizes(c) | {"spill": 2 * max(spilled, default=0)}
    picture_beats = shape.side(1) ** 2 * pixel_words(shape, c) * c.lane_beats
    result_beats = result_words(shape.classes, c.lanes) * c.lane_beats
    external = ExternalMemory()
    external.reserve(sizes["spill"] * c.lane_beats, "spills")
    picture = external.reserve(batch * picture_beats, "picture")
    result = external.reserve(batch * result_beats, "result")
    shared, pictures = Shared(), []
    for n in range(batch):
        stream = Stream(first, external, shared=shared.again() if n else shared)
        places = picture + n * picture_beats, result + n * result_beats
        alone = _emit(stream, later, packed, plans, *places, ahead)
        pictures.append((stream.operations, 0 if ahead.turns else alone))
    operations = merge(pictures, shared) if batch > 1 else stream.operations
    usage = allocate(operations, sizes)
    operations = by_start(operations, sizes, c)
    words = assemble(operations, sizes)
    start = external.add_commands(words)
    external.reserve(FETCH_AHEAD_BEATS, "program")
    return NetworkProgram(
        c,
        words,
        operations,
        external.image(),
        start,
        batch,
        picture,
        picture_beats,
        result,
        result_beats,
        shape.image,
        shape.patch,
        shape.classes,
        {memory: used for memory, used in usage.items() if memory != "spill"},
        dict(external.regions),
    )


def _plans(
    packed: PackedNetwork, first: Configuration | Share, later: Configuration | Share
) -> dict[int, type[Plan]]:
    """The plan of each stage's blocks."""
    plans = {}
    for stage in range(1, packed.model.stages + 1):
        try:
            plans[stage] = choose_plan(
                block_image(packed, stage, 0), first if stage == 1 else later
            )
        except ScheduleError as error:
            raise ScheduleError(f"stage {stage}: {error}") from None
    return plans


def _emit(
    stream: Stream,
    later: Configuration | Share,
    packed: PackedNetwork,
    plans: dict[int, type[Plan]],
    picture: int,
    result: int,
    ahead: Ahead,
) -> int:
    """All operations, from the picture's beat to the result's; returns how many make stage 2's x.

    `later` is the configuration from there on.
    """

    def pooled(stage: int, block: int) -> PooledRows | None:
        """Room for the means that a block's maker of x may form."""
        if plans[stage] is not Streaming or block == packed.model.depths[stage - 1]:
            return None
        return PooledRows(stream, block_image(packed, stage, block), block_name(stage, block))

    shared: dict[int, Buffer] = {}

    def input_bits(stage: int, block: int) -> InputBits | None:
        """Room for the bits that a block's maker of x may form."""
        plan, c = plans[stage], stream.configuration
        if not ahead.bits or block == packed.model.depths[stage - 1]:
            return None
        image = block_image(packed, stage, block)
        if plan is Resident or stage not in shared:
            some = plan(image, Stream(c, ExternalMemory()), Buffer("x", "x", 0))
            shared[stage] = Buffer("input_bits", "row", some.bits_words())
        return InputBits(c, image, block_name(stage, block), shared[stage])

    def step(stage: int) -> Embedding:
        return embedding(stream, packed, stage, plans[stage] is Resident, pooled(stage, 0))

    means, bits, between, alone = pooled(1, 0), input_bits(1, 0), None, 0
    x = stem(stream, packed, plans[1] is Resident, picture, means, bits)
    for stage, block in packed.model.blocks():
        plan, following = plans[stage], pooled(stage, block + 1)
        if stage > 1 and block == 0:
            if not between.formed:
                between.spills(plan is not Resident)
                between.emit(x)
            elif plan is Resident and not between.resident:
                between.bring()
            x, means, bits = between.positions.x, between.following, between.input_bits
            if stage == 2:
                alone = len(stream.operations)
                stream = replace(stream, configuration=later)
        if stage < packed.model.stages and block + 1 == packed.model.depths[stage - 1]:
            between = step(stage + 1)
            between.input_bits = input_bits(stage + 1, 0)
            following = EmbeddedRows(between) if ahead.embeds and between.runs_by_row else None
        image = block_image(packed, stage, block)
        schedule = plan(image, stream, x.buffer, block_name(stage, block))
        schedule.input_bits, schedule.next_bits = bits, input_bits(stage, block + 1)
        bits = schedule.next_bits
        if isinstance(schedule, Streaming):
            schedule.pooled, schedule.following = means, following
            means = schedule.following
        x = Values(schedule.emit(), 0, x.token_words)
    head(stream, packed, x, result)
    return alone
