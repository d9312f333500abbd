"""The synthesised netlist of a component, cell by cell, behaves as its RTL does."""

from __future__ import annotations

import random
import re
from itertools import product

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bitstreams.families import ECP5, GW5A
from bitstreams.gate_level import netlist_verilog, prove_equal, sources
from hw.array.control import RowControl
from hw.array.popcount import Popcount
from hw.control.queue import Queue
from hw.lanes.lane import Lane
from hw.memory import ValueMemory
from hw.spec.configuration import find_configuration
from hw.system import OnChipMemory
from sim.build import build_simulator, verilog
from sim.run import run_testbench

CONFIGURATION = find_configuration("2x2x64-l8")
CYCLES = 400


def behaviour(texts: dict[str, str], name: str, inputs: dict[str, list[int]]) -> dict:
    """What every output shows in every cycle."""
    # The lane has a port called double.
    simulator = build_simulator(texts, name, options=["-Wno-SYMRSVDWORD"])
    outputs = [p for p in simulator.ports if p not in {"clk", "rst", *inputs}]
    run = run_testbench(
        simulator,
        "sim.testbenches.cycles",
        parameters={
            "inputs": {n: [f"{v:x}" for v in values] for n, values in inputs.items()},
            "outputs": outputs,
        },
    )
    return run.values["outputs"]


def random_inputs(text: str, name: str, seed: int) -> dict[str, list[int]]:
    """Random values for every input of the module, `CYCLES` of each."""
    draw = random.Random(seed)
    return {
        port: [draw.getrandbits(bits) for _ in range(CYCLES)]
        for port, bits in input_ports(text, name)
    }


def input_ports(text: str, name: str) -> list[tuple[str, int]]:
    """Input ports of a module in Amaranth's Verilog, with their widths; not clock and reset."""
    module = re.search(rf"^module {name}\(.*?^endmodule", text, re.M | re.S).group()
    found = re.findall(r"^  input (?:\[(\d+):0\] )?(\w+);", module, re.M)
    return [(port, int(high or 0) + 1) for high, port in found if port not in ("clk", "rst")]


class Registers(wiring.Component):
    """Registers of so many bits that a family keeps their enable and reset."""

    def __init__(self) -> None:
        ports = {"data": In(256), "enable": In(1), "clear": In(1)}
        super().__init__(ports | {f"out{i}": Out(256) for i in range(6)})

    def elaborate(self, platform) -> Module:
        m = Module()
        ones = (1 << 256) - 1
        registers = [
            (Signal(256, name=f"r{i}", init=init, reset_less=init is None), enabled, init)
            for i, (init, enabled) in enumerate(product((None, 0, ones), (False, True)))
        ]
        for register, enabled, init in registers:
            with m.If(self.enable | (not enabled)):
                m.d.sync += register.eq(self.data)
            if init is not None:
                with m.If(self.clear):
                    m.d.sync += register.eq(init)
        m.d.comb += [getattr(self, f"out{i}").eq(r) for i, (r, _, _) in enumerate(registers)]
        return m


COMPONENTS = {
    "popcount": lambda: Popcount(),
    "lane": lambda: Lane(),
    "values": lambda: ValueMemory(CONFIGURATION, 512),
    "banks": lambda: ValueMemory(CONFIGURATION, 1536),
    "queue": lambda: Queue(CONFIGURATION, 24, 8),
    "on_chip": lambda: OnChipMemory(512),
    "registers": lambda: Registers(),
}
CELLS = [
    ("popcount", ECP5, "CCU2C"),
    ("lane", ECP5, "MULT18X18D"),
    ("values", ECP5, "DP16KD"),
    ("banks", ECP5, "DP16KD"),
    ("queue", ECP5, "TRELLIS_DPR16X4"),
    ("popcount", GW5A, "ALU"),
    ("lane", GW5A, "DFF MULTALU27X18"),
    ("registers", GW5A, "DFFR DFFS DFFE DFFRE DFFSE"),
    ("values", GW5A, "SDPX9B"),
    ("queue", GW5A, "RAM16SDP4"),
    ("on_chip", GW5A, "SPX9"),
]
"""Component, family, and the cells that both are here for."""


@pytest.mark.parametrize("name, family, cells", CELLS)
def test_a_netlist_behaves_as_its_rtl(name, family, cells):
    make = COMPONENTS[name]
    rtl, netlist = verilog(make(), name), netlist_verilog(make(), name, family)
    assert all(re.search(rf"^  {cell}\b", netlist, re.M) for cell in cells.split())
    inputs = random_inputs(rtl, name, seed=7)
    expected = behaviour({f"{name}.v": rtl}, name, inputs)
    assert behaviour(sources(name, netlist, family), name, inputs) == expected
    assert any(len(set(values)) > 1 for values in expected.values())


@pytest.mark.parametrize("family", [ECP5, GW5A])
def test_a_read_that_meets_a_write_can_show_garbage(family):
    name = "values"
    netlist = netlist_verilog(ValueMemory(CONFIGURATION, 512), name, family)
    inputs = dict.fromkeys(random_inputs(netlist, name, seed=7), [0] * CYCLES)
    ones = {"read__request": [1], "write__request": [1], "write__mask": [255]}
    inputs |= {port: values * CYCLES for port, values in ones.items()}
    plain = behaviour(sources(name, netlist, family), name, inputs)["read__data"]
    garbage = behaviour(sources(name, netlist, family, garbage=True), name, inputs)["read__data"]
    assert {int(word, 16) for word in plain[5:]} == {0}
    assert {int(word, 16) for word in garbage[5:]} == {(1 << 128) - 1}


def test_a_wrong_cell_is_seen():
    name = "popcount"
    rtl, netlist = verilog(Popcount(), name), netlist_verilog(Popcount(), name)
    wrong = re.sub(r"(LUT4 #\(\s*\.INIT\(16'h)....", r"\g<1>1234", netlist, count=1)
    inputs = random_inputs(rtl, name, seed=7)
    assert wrong != netlist
    assert behaviour(sources(name, wrong), name, inputs) != behaviour(
        {f"{name}.v": rtl}, name, inputs
    )


@pytest.mark.parametrize("make", [Popcount, lambda: RowControl(CONFIGURATION)])
def test_yosys_proves_a_netlist_equal(make):
    prove_equal(make(), "leaf")
