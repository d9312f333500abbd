"""The whole accelerator in Verilator with a main program in C++: no cocotb, no Python a cycle."""

from sim.errors import SimulationError, SimulatorBuildError
from sim.native.memory import PRESETS
from sim.native.simulator import REPLY_TIMEOUT_S, NativeSimulator, RunState
from sim.native.top import NativeProgram, build_native
from sw.cycles.memory import MemoryTiming, MemoryTimingError

__all__ = [
    "PRESETS",
    "REPLY_TIMEOUT_S",
    "MemoryTiming",
    "MemoryTimingError",
    "NativeProgram",
    "NativeSimulator",
    "RunState",
    "SimulationError",
    "SimulatorBuildError",
    "build_native",
]
