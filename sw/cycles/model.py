"""The cycle model: what a program takes on a configuration with a memory, without running it.

Every unit of the gateware is a process that takes its commands in order and spends on them what
its pipeline spends, at the grain of groups, columns, tokens and bursts; no value is touched, for
cycles depend on none.  What the units share is modelled where they meet: commands and completions,
the result FIFO between array and lanes, the ports of the on-chip memories (lanes first), and the
memory port with its timing.  The numbers are those of :mod:`sw.cycles.constants`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hw.spec.commands import Engine
from hw.spec.configuration import Configuration
from sw.cycles.array import Array, ResultFifo
from sw.cycles.control import Control
from sw.cycles.dense import Dense
from sw.cycles.kernel import Kernel, MemoryPort
from sw.cycles.lanes import Lanes
from sw.cycles.memory import MemoryTiming, memory_timing
from sw.cycles.pooling import Pooling
from sw.cycles.port import Port
from sw.cycles.transfers import Loader, Store

MEMORIES = (
    "x_read",
    "u_read",
    "x_write",
    "u_write",
    "parameter_read",
    "column_write",
    "multipliers",
)
"""What several units share an access a cycle of: memory ports, and the lanes' multipliers."""


@dataclass(frozen=True)
class Prediction:
    """A predicted run.

    Attributes
    ----------
    cycles : int
        From start to done.
    completions : list of (cycle, Engine, tag)
        Of every command, in order of time.
    counters : dict
        The registers that count busy cycles and port beats, by name.
    held : dict
        Place in the program of a LOAD or STORE to the cycles in which the memory port was its own.
    program_held : int
        The same of command fetch.
    """

    cycles: int
    completions: list[tuple[int, Engine, int]]
    counters: dict[str, int]
    held: dict[int, int]
    program_held: int


def predict(
    words: list[int],
    configuration: Configuration,
    memory: str | MemoryTiming = "ideal",
    start: int = 0,
) -> Prediction:
    """The run of a program.

    Parameters
    ----------
    words : list of int
        512-bit commands, END last.
    memory : str or MemoryTiming
        A key of :data:`sw.cycles.memory.PRESETS`, or a timing of your own.
    start : int
        First beat of the program in external memory.

    Raises
    ------
    MemoryTimingError
        For an unknown preset.
    """
    c, kernel = configuration, Kernel()
    memories = {name: MemoryPort() for name in MEMORIES}
    port = Port(kernel, memory_timing(memory))
    control = Control(kernel, c, port, words, start)
    loader = Loader(kernel, c, control, port, memories)
    store = Store(kernel, c, control, port, memories)
    results = ResultFifo(kernel, c)
    array = Array(kernel, c, control, results)
    lanes = Lanes(kernel, c, control, results, memories)
    pooling = Pooling(kernel, c, control, memories)
    dense = Dense(kernel, c, control, memories)
    kernel.run()
    counters = {f"{client}_beats": beats for client, beats in port.beats.items()}
    counters |= {
        "array_busy": array.busy,
        "lanes_busy": lanes.busy,
        "attention_busy": array.attention.count,
        "pool_busy": pooling.busy,
        "dense_busy": dense.busy,
    }
    held = loader.held | store.held
    return Prediction(control.cycles, control.completions, counters, held, control.held)
