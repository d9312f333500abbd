"""Verilog text is the same for the same design, and is kept while nothing changed."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.build import cached_verilog, verilog
from sim.build.control import port_names


class Inverter(wiring.Component):
    """The complement, a cycle later."""

    x: In(7)
    y: Out(7)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.y.eq(~self.x)
        return m


def test_the_text_is_deterministic_and_names_no_file():
    text = verilog(Inverter(), "inverter")
    assert text == verilog(Inverter(), "inverter")
    assert "src" not in text and ".py" not in text
    assert set(port_names(text, "inverter")) == {"clk", "rst", "x", "y"}


def test_kept_text_depends_on_the_arguments(tmp_path, monkeypatch):
    monkeypatch.setenv("BVIT_CACHE", str(tmp_path))
    made = []

    def make():
        made.append(Inverter())
        return made[-1]

    first = cached_verilog(make, "inverter", "width=7")
    again = cached_verilog(make, "inverter", "width=7")
    assert first == (verilog(Inverter(), "inverter"), False) and again == (first[0], True)
    assert cached_verilog(make, "inverter", "width=8")[1] is False
    assert len(made) == 2


def test_ports_of_handwritten_headers():
    text = """
    module other(input a); endmodule
    (* keep *) module top #(parameter W = $clog2(9), N = 1) (
        input [W-1:0] x,  // (a comment)
        output reg signed [3:0] y, z /* , w */
    ); endmodule
    """
    assert port_names(text, "top") == ["x", "y", "z"]
    assert port_names(text, "absent") is None
