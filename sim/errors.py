"""The errors that building or running a simulator can end with."""


class SimulatorBuildError(RuntimeError):
    """Verilog could not be made into a simulator (lint, missing tool, C++ error)."""


class SimulationError(RuntimeError):
    """A testbench failed, or the simulator died before it could say so."""


class SimulationTimeoutError(SimulationError):
    """The simulator was stopped because it ran past its wall-clock limit."""
