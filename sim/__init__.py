"""Simulation: build Verilator simulators of the gateware and run cocotb testbenches on them."""
