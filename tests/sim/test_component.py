"""The generic stream testbench: values, latency, stalls, and that it notices what is wrong."""

import numpy as np
import pytest
from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sim.component import STALLS, simulate_component
from sim.errors import SimulationError

LANES = 3


class AddStage(wiring.Component):
    """Adds `offset` to each lane, one register deep."""

    def __init__(self, defect: str = "") -> None:
        self._defect = defect
        super().__init__(
            {
                "x": In(stream.Signature(data.ArrayLayout(signed(8), LANES))),
                "y": Out(stream.Signature(data.ArrayLayout(signed(9), LANES))),
                "offset": In(signed(4)),
                "count": Out(16),
            }
        )

    def elaborate(self, platform):
        m = Module()
        free = Signal()
        m.d.comb += [free.eq(~self.y.valid | self.y.ready), self.x.ready.eq(free)]
        with m.If(free):
            m.d.sync += self.y.valid.eq(self.x.valid)
            for lane in range(LANES):
                m.d.sync += self.y.payload[lane].eq(self.x.payload[lane] + self.offset)
        with m.If(self.x.valid & self.x.ready):
            m.d.sync += self.count.eq(self.count + 1)
        if self._defect == "drops valid":
            with m.If(~self.y.ready):
                m.d.sync += self.y.valid.eq(0)
        if self._defect == "swallows":
            with m.If(self.count == 7):
                m.d.sync += self.y.valid.eq(0)
        return m


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(5).integers(-128, 128, (60, LANES))


@pytest.mark.parametrize("stall", STALLS)
def test_values_and_cycles(x, stall):
    got = simulate_component(
        AddStage(), "add_stage", {"x": x}, expect={"y": 60}, constants={"offset": -3},
        stall=stall, seed=11,
    )  # fmt: skip
    np.testing.assert_array_equal(got["y"], x - 3)
    assert got.probes["count"] == 60
    latency = got.cycles["y"] - got.accepted["x"]
    if stall == "none":
        assert (latency == 1).all() and (np.diff(got.cycles["y"]) == 1).all()
    else:
        assert (latency >= 1).all() and np.diff(got.cycles["y"]).max() > 1


def test_beat_counts_are_checked(x):
    arguments = {"inputs": {"x": x}, "constants": {"offset": 0}}
    with pytest.raises(SimulationError, match="y: 60 beats, 59 expected"):
        simulate_component(AddStage(), "add_stage", expect={"y": 59}, **arguments)
    with pytest.raises(SimulationError, match=r"x took 60/60, y gave 60/61"):
        simulate_component(
            AddStage(), "add_stage", expect={"y": 61}, timeout_cycles=500, **arguments
        )


def test_broken_handshakes_are_noticed(x):
    with pytest.raises(SimulationError, match="valid fell in cycle"):
        simulate_component(
            AddStage("drops valid"), "add_stage", {"x": x}, expect={"y": 60}, stall="sink"
        )
    with pytest.raises(SimulationError, match="y gave"):
        simulate_component(
            AddStage("swallows"), "add_stage", {"x": x}, expect={"y": 60}, timeout_cycles=500
        )


def test_bad_arguments_name_the_remedy(x):
    with pytest.raises(ValueError, match="no input stream 'z'; it has x"):
        simulate_component(AddStage(), "add_stage", {"z": x})
    with pytest.raises(ValueError, match="value 200 does not fit"):
        simulate_component(AddStage(), "add_stage", {"x": np.full((4, LANES), 200)})
