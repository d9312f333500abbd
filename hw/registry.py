"""One example of every component, for the tests and tools that look at all of them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from amaranth.lib import wiring

import hw
from hw.control.bursts import Bursts
from hw.control.queue import BlockQueue, Queue
from hw.control.rings import Rings
from hw.control.waiting import WaitingHead
from hw.interfaces import x_read, x_write
from hw.lanes.delay import Delay
from hw.lanes.walks import LinearWalk
from hw.link.executor import Executor
from hw.link.link import Link
from hw.link.memory_access import MemoryAccess
from hw.link.uart import ONE, UartReceiver, UartTransmitter
from hw.memory import ReadArbiter, ValueMemory, WriteArbiter
from hw.memory.crossing import CrossedMemory
from hw.memory.sdram import SLOW_16X16M, SdramController, SdramTiming
from hw.memory.sdram.columns import Columns
from hw.memory.sdram.rows import Rows
from hw.memory.sdram.segments import Segments
from hw.memory.sdram.words import Words
from hw.spec.configuration import find_configuration
from hw.system import OnChipMemory, System

_CONFIGURATION = find_configuration("3x4x64-l8")
_TIMING = SdramTiming(SLOW_16X16M, 100_000_000)

_ARGUMENTS = {
    BlockQueue: {"shape": 8, "depth": 4},
    Bursts: {"limit": 16, "budget": 32, "write": False},
    Columns: {"timing": _TIMING},
    CrossedMemory: {"memory": SdramController(_TIMING), "domain": "memory"},
    Executor: {"clock_hz": 1_000_000, "memory_beats": 1024},
    Delay: {"shape": 4, "cycles": 2},
    LinearWalk: {"outer_step": 1},
    Link: {"clock_hz": 1_000_000, "baud": 125_000, "memory_beats": 1024},
    MemoryAccess: {"patience": 1024},
    OnChipMemory: {"beats": 1024},
    Queue: {"shape": 8, "depth": 4},
    ReadArbiter: {"signature": x_read(_CONFIGURATION), "clients": 2},
    Rows: {"timing": _TIMING},
    SdramController: {"timing": _TIMING},
    Segments: {"chip": SLOW_16X16M},
    System: {"memory": OnChipMemory(1024), "clock_hz": 1_000_000, "baud": 125_000},
    UartReceiver: {"period": 8 * ONE},
    UartTransmitter: {"period": 8 * ONE},
    ValueMemory: {"words": _CONFIGURATION.x_words},
    Rings: {"bits": 128, "rings": 2},
    WaitingHead: {"bits": 128},
    Words: {"timing": _TIMING, "capture": 0},
    WriteArbiter: {"signature": x_write(_CONFIGURATION), "clients": 2},
}
"""What a component takes beside the configuration."""


def classes() -> list[type[wiring.Component]]:
    """Every component class of :mod:`hw`, by module and name."""
    found = set()
    for module in pkgutil.walk_packages(hw.__path__, "hw."):
        members = vars(importlib.import_module(module.name)).values()
        found |= {
            one
            for one in members
            if inspect.isclass(one)
            and issubclass(one, wiring.Component)
            and one.__module__ == module.name
        }
    return sorted(found, key=lambda one: (one.__module__, one.__qualname__))


def components() -> list[wiring.Component]:
    """One instance of every component, in the smallest named configuration.

    Raises
    ------
    TypeError
        For a component that takes more than the configuration and has no example above.
    """
    instances = []
    for one in classes():
        takes = inspect.signature(one).parameters
        arguments = dict(_ARGUMENTS.get(one, {}))
        if "configuration" in takes:
            arguments["configuration"] = _CONFIGURATION
        missing = [
            name
            for name, parameter in takes.items()
            if parameter.default is parameter.empty and name not in arguments
        ]
        if missing:
            raise TypeError(
                f"{one.__module__}.{one.__qualname__}: no example of "
                f"{', '.join(missing)}; add it to _ARGUMENTS of hw/registry.py"
            )
        instances.append(one(**arguments))
    return instances
