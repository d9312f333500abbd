"""On-chip memories and the arbiters in front of their ports."""

from hw.memory.arbiter import ReadArbiter, WriteArbiter
from hw.memory.column import ColumnMemory
from hw.memory.parameter import ParameterMemory
from hw.memory.row import RowMemory
from hw.memory.value import ValueMemory

__all__ = [
    "ColumnMemory",
    "ParameterMemory",
    "ReadArbiter",
    "RowMemory",
    "ValueMemory",
    "WriteArbiter",
]
