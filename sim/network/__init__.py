"""Whole networks through the RTL: every named tensor, every command's cycles, every unit's work."""

from sim.network.observe import network_tensors

__all__ = ["network_tensors"]
