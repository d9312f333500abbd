"""Building and running: the cache, waves, failures and time limits."""

import numpy as np
import pytest

from sim.build import build_simulator
from sim.build.cache import cache_root
from sim.errors import SimulationError, SimulationTimeoutError, SimulatorBuildError
from sim.run import run_testbench

TOP = """
module blink(input clk, input rst, output reg led);
    always @(posedge clk) led <= !led & !rst;
endmodule
"""
MODULE = "failing_testbench"


@pytest.fixture(scope="module")
def simulator():
    return build_simulator({"blink.v": TOP}, "blink")


def test_an_equal_build_is_found_and_another_is_not(tmp_path, monkeypatch):
    build_simulator({"blink.v": TOP}, "blink")  # so that the run-time library is there
    for runtime in cache_root().glob("runtime-*"):
        (tmp_path / runtime.name).symlink_to(runtime)
    monkeypatch.setenv("BVIT_CACHE", str(tmp_path))
    lines: list[str] = []
    first = build_simulator({"blink.v": TOP}, "blink", report=lines.append)
    again = build_simulator({"blink.v": TOP}, "blink")
    assert not first.cached and again.cached and again.executable == first.executable
    assert first.ports == ("clk", "rst", "led") and first.clock == "clk"
    assert any("verilated in" in line for line in lines) and "built in" in lines[-1]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_arrays_go_in_and_out(simulator):
    got = run_testbench(
        simulator, MODULE, test="echo", inputs={"answer": np.arange(3)}, parameters={"name": "a"}
    )
    np.testing.assert_array_equal(got.arrays["answer"], [1, 2, 3])
    assert got.values == {"name": "a"} and got.passed == ("echo",)


def test_a_failure_carries_its_assertion(simulator):
    with pytest.raises(SimulationError, match=r"wrong: .*assert .*41.* == 42"):
        run_testbench(simulator, MODULE, test="wrong", inputs={"answer": np.array([41])})


def test_a_deadlock_is_stopped(simulator):
    with pytest.raises(SimulationTimeoutError, match="still running after 2 s"):
        run_testbench(simulator, MODULE, test="endless", timeout_s=2)


def test_an_unknown_test_or_module_is_an_error(simulator):
    with pytest.raises(SimulationError):
        run_testbench(simulator, MODULE, test="nothing_of_this_name")
    with pytest.raises(SimulationError, match="no_such_module"):
        run_testbench(simulator, "no_such_module")


def test_waves_need_their_own_build(simulator, tmp_path):
    arguments = {"test": "echo", "inputs": {"answer": np.arange(3)}, "parameters": {"name": "a"}}
    with pytest.raises(SimulationError, match="built without waves"):
        run_testbench(simulator, MODULE, waves=tmp_path / "blink.vcd", **arguments)
    tracing = build_simulator({"blink.v": TOP}, "blink", trace=True)
    run_testbench(tracing, MODULE, waves=tmp_path / "blink.vcd", **arguments)
    assert "$var" in (tmp_path / "blink.vcd").read_text()


def test_bad_verilog_names_the_finding():
    with pytest.raises(SimulatorBuildError, match="LATCH"):
        build_simulator(
            {"hold.v": "module hold(input a, output reg b); always @* if (a) b = a; endmodule\n"},
            "hold",
        )
    with pytest.raises(SimulatorBuildError, match=r"top module 'absent': not defined in blink\.v"):
        build_simulator({"blink.v": TOP}, "absent")
