"""A board in simulation: the top that goes into its bitstream, clocks, pads and memory chip too."""

from bitstreams.virtual.board import SimulatedBoard, design

__all__ = ["SimulatedBoard", "design"]
