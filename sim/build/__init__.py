"""Amaranth to Verilog to a cached, cocotb-ready Verilator simulator."""

from sim.build.generate import cached_verilog, verilog
from sim.build.simulator import Simulator, build_simulator

__all__ = ["Simulator", "build_simulator", "cached_verilog", "verilog"]
