"""A virtual board: the bitstream's RTL in Verilator behind a pseudo-terminal."""

from sim.board.board import BoardStatistics, VirtualBoard

__all__ = ["BoardStatistics", "VirtualBoard"]
