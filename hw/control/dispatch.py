"""Sends commands to the engines in order, each when its waits hold."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.control.fetch import ends
from hw.control.queue import Queue
from hw.control.rings import Rings
from hw.control.waiting import COUNTS, WaitingHead
from hw.interfaces import command_stream
from hw.spec.commands import COMMAND_BITS, ENGINE_OF, RECORDS, Engine, Opcode
from hw.spec.configuration import Configuration

TAGS = 8
"""Commands of an engine that may have left their queue and not be complete."""

QUEUES = {
    "load": (Opcode.LOAD,),
    "store": (Opcode.STORE,),
    "array": (Opcode.LINEAR, Opcode.CONTEXT, Opcode.PASS, Opcode.AFFINE, Opcode.SCORE),
    "pool": (Opcode.GRID, Opcode.BRANCH),
    "dense": (Opcode.DENSE,),
}
UNITS = {
    "load": Opcode.LOAD,
    "store": Opcode.STORE,
    "array": Opcode.LINEAR,
    "lanes": Opcode.LINEAR,
    "attention": Opcode.SCORE,
    "grid": Opcode.GRID,
    "branch": Opcode.BRANCH,
    "dense": Opcode.DENSE,
}
COMPLETES = {
    "load": Engine.LOAD,
    "store": Engine.STORE,
    "lanes": Engine.MAIN,
    "attention": Engine.ATTENTION,
    "grid": Engine.POOL,
    "branch": Engine.POOL,
    "dense": Engine.DENSE,
}
"""The units that complete commands, and whose."""


class Dispatch(wiring.Component):
    """Sorts commands into five queues and sends each queue's head to its units.

    ::

        command ─► rings ─► head ─► load        (a ring in block RAM and a head each)
                        ├─► head ─► store
                        ├─► head ─► array, lanes, attention
                        ├─► head ─► grid, branch
                        └─► head ─► dense

    A head is offered when every engine has completed as many commands as its ``after_*`` say, and
    leaves when all its units have taken it, each when it can: LINEAR and CONTEXT array and lanes,
    PASS and AFFINE the lanes, SCORE array and attention.  GRID and BRANCH keep their order: one
    kind goes only when no command of the other is in the pooling unit.  END is taken when
    everything before it is complete.

    Latency: 4 cycles from `command` to a unit; a command that waits for a completion reaches its
    unit 1 cycle after the pulse on `done`, which comes 2 cycles after a unit's take at the
    earliest.  A command a cycle in, one every 4 cycles out of each queue.  Respects back-pressure:
    `command` waits while the queue that it belongs to is full.  Golden partner: none.  Validated
    with model engines of random latency and random programs.

    Parameters
    ----------
    configuration : Configuration
        Gives queue_depth.

    Members
    -------
    start : In(1)
        Sets all counts to 0; only while no command is here.
    command : In(stream of 512)
        The program, in order.
    load : Out(command_stream(LOAD))
        To the loader.
    store : Out(command_stream(STORE))
        To the store engine.
    array : Out(command_stream(LINEAR))
        To the array: LINEAR, CONTEXT and the common fields of SCORE.
    lanes : Out(command_stream(LINEAR))
        To the lanes: LINEAR, CONTEXT, PASS, AFFINE.
    attention : Out(command_stream(SCORE))
        To the attention unit.
    grid : Out(command_stream(GRID))
        To the pooling unit.
    branch : Out(command_stream(BRANCH))
        To the pooling unit.
    dense : Out(command_stream(DENSE))
        To the dense unit.
    done : In(6)
        A command of the engine (bit: Engine) is complete.
    stall : In(1)
        No head is offered by a cycle with it high (but stays so).
    finished : Out(1)
        END is taken in this cycle.
    complete_valid : Out(6)
        `done` a cycle later.
    complete_tag : Out(12 x 6)
        With `complete_valid`: the tag of the engine's completed command.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        super().__init__(
            {
                "start": In(1),
                "command": In(stream.Signature(COMMAND_BITS)),
                **{unit: Out(command_stream(opcode)) for unit, opcode in UNITS.items()},
                "done": In(len(Engine)),
                "stall": In(1),
                "finished": Out(1),
                "complete_valid": Out(len(Engine)),
                "complete_tag": Out(data.ArrayLayout(12, len(Engine))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = self._configuration

        completed = Signal(COUNTS)
        now = Signal(COUNTS)  # with this cycle's completions
        for e in Engine:
            m.d.comb += now[e].eq(completed[e] + self.done[e])
            m.d.sync += completed[e].eq(Mux(self.start, 0, now[e]))

        # Into the queues.
        opcode = self.command.payload[:4]
        sizes = {name: max(RECORDS[o].bits for o in opcodes) for name, opcodes in QUEUES.items()}
        m.submodules.rings = rings = Rings(c, max(sizes.values()), len(QUEUES))
        m.d.comb += [
            rings.input.payload.eq(self.command.payload),
            rings.input.valid.eq(self.command.valid),
            self.command.ready.eq(rings.input.ready),
        ]
        heads = {}
        for index, (name, bits) in enumerate(sizes.items()):
            m.submodules[f"{name}_head"] = waiting = WaitingHead(c, bits)
            heads[name] = waiting.head
            m.d.comb += [
                rings.ring[index].eq(is_one_of(opcode, QUEUES[name])),
                rings.want[index].eq(waiting.want),
                waiting.picked.eq(rings.pick[index]),
                waiting.give.eq(rings.give[index]),
                waiting.payload.eq(rings.payload),
                waiting.completed.eq(now),
                waiting.stall.eq(self.stall),
            ]

        # Commands taken and not complete, an engine.
        idle = []
        most = c.queue_depth + 1 + TAGS
        for e in Engine:
            open_commands = Signal(range(most + 1), name=f"open_{e.name.lower()}")
            mine = is_one_of(opcode, [o for o, engine in ENGINE_OF.items() if engine == e])
            taken = self.command.valid & self.command.ready & mine
            m.d.sync += open_commands.eq(open_commands + taken - self.done[e])
            idle.append(open_commands == 0)
        with m.If(ends(self.command.payload)):
            m.d.comb += [
                self.command.ready.eq(Cat(idle).all()),
                self.finished.eq(self.command.valid & self.command.ready),
            ]

        # Out of the queues.
        tags = {}
        for e in Engine:
            m.submodules[f"{e.name.lower()}_tags"] = tags[e] = Queue(c, 12, TAGS)
            m.d.comb += tags[e].output.ready.eq(self.done[e])
            m.d.sync += self.complete_tag[e].eq(tags[e].output.payload)
        m.d.sync += self.complete_valid.eq(self.done)

        # The pooling unit's commands come on two streams: one kind at a time keeps their order.
        pool = heads["pool"]
        branches, branch_last = Signal(), Signal()
        inside = Signal(range(TAGS + 1))
        may_pool = (inside == 0) | (branch_last == branches)
        pooling = pool.valid & pool.ready
        m.d.sync += inside.eq(inside + pooling - self.done[Engine.POOL])
        with m.If(pooling):
            m.d.sync += branch_last.eq(branches)

        # Whose a head is: known a cycle after its payload, as early as it can be valid.
        everything = Const(1, 1)
        scores, lanes_only = Signal(), Signal()
        code = heads["array"].payload[:4]
        m.d.sync += [
            scores.eq(code == Opcode.SCORE),
            lanes_only.eq(is_one_of(code, (Opcode.PASS, Opcode.AFFINE))),
            branches.eq(pool.payload[:4] == Opcode.BRANCH),
        ]
        tagged = {e: [] for e in Engine}
        for queue, may_go, units in (
            ("load", everything, {"load": everything}),
            ("store", everything, {"store": everything}),
            ("array", everything, {"array": ~lanes_only, "lanes": ~scores, "attention": scores}),
            ("pool", may_pool, {"grid": ~branches, "branch": branches}),
            ("dense", everything, {"dense": everything}),
        ):
            # A unit takes the head once; its tag is noted, and the head leaves once the last unit
            # took it, a cycle later, so that no unit's `ready` goes further than a register.
            head = heads[queue]
            leaves, have = head.valid & head.ready, []
            for unit, used in units.items():
                taker, took = getattr(self, unit), Signal(name=f"{unit}_took")
                takes = taker.valid & taker.ready
                room = everything
                if unit in COMPLETES:
                    engine = COMPLETES[unit]
                    room = tags[engine].input.ready
                    m.d.comb += tags[engine].input.payload.eq(head.payload[4:16])
                    tagged[engine].append(takes)
                m.d.comb += [
                    taker.payload.eq(head.payload),
                    taker.valid.eq(head.valid & may_go & room & used & ~took),
                ]
                m.d.sync += took.eq((took | takes) & ~leaves)
                have.append(~used | took)
            m.d.comb += head.ready.eq(Cat(have).all())
        for e, takes in tagged.items():
            noted = Signal(name=f"{e.name.lower()}_noted")
            m.d.sync += noted.eq(Cat(takes).any())
            m.d.comb += tags[e].input.valid.eq(noted)
        return m


def is_one_of(opcode, opcodes):
    """Whether an opcode is one of some."""
    return Cat(opcode == o for o in opcodes).any()
