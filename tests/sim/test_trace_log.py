"""The trace logger writes the beats that were valid, with their cycles."""

import numpy as np
import pytest

from sim.build import build_simulator
from sim.errors import SimulationError
from sim.memory_file import read_trace
from sim.run import run_testbench

TOP = """
module counting(input clk, input rst);
    reg [31:0] cycle = 0;
    always @(posedge clk) cycle <= rst ? 0 : cycle + 1;
    trace_log #(.WIDTH(68), .NAME("stage1.block0.x1")) log (
        .clk(clk), .valid(cycle % 3 == 1), .cycle(cycle),
        .data({cycle[3:0], 64'hfedc_ba98_7654_3210 + {32'd0, cycle}}));
endmodule
"""


@pytest.fixture(scope="module")
def simulator():
    return build_simulator({"counting.v": TOP}, "counting", rtl=["trace_log.v"])


def test_valid_beats_are_logged(simulator, tmp_path):
    run_testbench(simulator, "trace_log_testbench", plusargs=[f"+trace_dir={tmp_path}"])
    cycles, data = read_trace(tmp_path / "stage1.block0.x1.hex", 68)
    np.testing.assert_array_equal(cycles, [1, 4, 7, 10, 13, 16, 19][: len(cycles)])
    assert len(cycles) >= 6 and data.shape[1] == 9
    for cycle, row in zip(cycles.tolist(), data, strict=True):
        low, high = int.from_bytes(row[:8].tobytes(), "little"), int(row[8])
        assert (low, high) == (0xFEDCBA9876543210 + cycle, cycle & 15)


def test_an_unwritable_folder_is_fatal(simulator, tmp_path):
    with pytest.raises(SimulationError, match="trace_log: cannot write"):
        run_testbench(simulator, "trace_log_testbench", plusargs=[f"+trace_dir={tmp_path}/none"])
