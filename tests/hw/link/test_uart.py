"""The UART's pins against waveforms, and against each other."""

import random

import pytest
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.link.uart import ONE, UartReceiver, UartTransmitter, bit_period
from sim.build import build_simulator, verilog
from sim.component import simulate_component
from sim.run import run_testbench


class Loop(wiring.Component):
    """A transmitter's pin on a receiver."""

    def __init__(self, period):
        self._period = period
        super().__init__({"bytes": In(stream.Signature(8)), "got": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.out = out = UartTransmitter(self._period)
        m.submodules.into = into = UartReceiver(self._period)
        connect(m, flipped(self.bytes), out.bytes)
        m.d.comb += into.rx.eq(out.tx)
        # The receiver does not wait; the sink of this test is always ready.
        m.d.comb += [self.got.valid.eq(into.valid), self.got.payload.eq(into.byte)]
        return m


@pytest.mark.parametrize("stall", ["none", "source"])
@pytest.mark.parametrize("period", [4 * ONE, 4 * ONE + 100, 17 * ONE - 77])
def test_every_byte_comes_through(period, stall):
    sent = [*range(256), 0, 255, 0]
    got = simulate_component(
        Loop(period), "uart_loop", {"bytes": sent}, expect={"got": len(sent)}, stall=stall,
        idle_cycles=400,
    )  # fmt: skip
    assert got["got"].tolist() == sent
    if stall == "none":  # ten bits a byte, to a cycle
        assert abs(got.cycles["got"][-1] - got.cycles["got"][0] - 2580 * period / ONE) <= 1


def wave(bytes_, period, stop=1):
    """Levels of a line, one a cycle, at `period` cycles a bit."""
    bits = [bit for byte in bytes_ for bit in (0, *(byte >> i & 1 for i in range(8)), stop)]
    return [bits[int(cycle / period)] for cycle in range(int(len(bits) * period))]


def receive(period, levels):
    """(bytes, errors) that a receiver of `period` (in cycles) shows."""
    simulator = build_simulator({"top.v": verilog(UartReceiver(int(period * ONE)), "top")}, "top")
    got = run_testbench(
        simulator,
        "sim.testbenches.cycles",
        parameters={
            "inputs": {"rx": [f"{level}" for level in levels]},
            "outputs": ["valid", "byte", "error"],
        },
    ).values["outputs"]
    bytes_ = [int(b, 16) for v, b in zip(got["valid"], got["byte"], strict=True) if v == "1"]
    return bytes_, got["error"].count("1")


@pytest.mark.parametrize("rate", [0.97, 1.0, 1.03])
def test_a_rate_a_little_off(rate):
    chance = random.Random(3)
    sent = [chance.randrange(256) for _ in range(200)]
    assert receive(16, [1] * 50 + wave(sent, 16 * rate) + [1] * 200) == (sent, 0)


def test_after_a_break_a_short_low_and_a_missing_stop_bit_bytes_come_again():
    rest = [1] * 50
    spoiled = [
        *rest, *[0] * 500,  # a break
        *rest, *[0] * 3,  # too short for a start bit
        *rest, *wave([0x55], 16, stop=0),
        *rest, *wave([1, 2, 3], 16), *rest,
    ]  # fmt: skip
    assert receive(16, spoiled) == ([1, 2, 3], 2)


def test_a_rate_that_the_clock_cannot_sample_is_refused():
    assert bit_period(50_000_000, 3_000_000) == round(50 / 3 * ONE)
    with pytest.raises(ValueError, match=r"3000000 baud at 10000000 Hz is 3\.33 cycles a bit"):
        bit_period(10_000_000, 3_000_000)
