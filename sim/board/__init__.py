"""A virtual board: the bitstream's RTL in Verilator behind a pseudo-terminal."""

from sim.board.board import VirtualBoard
from sim.board.running import BoardStatistics, RunningBoard

__all__ = ["BoardStatistics", "RunningBoard", "VirtualBoard"]
