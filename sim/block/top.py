"""The simulated system: accelerator, external memory, stall source, trace logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hw.spec.commands import Engine
from hw.spec.configuration import Configuration
from sim.block.taps import tap_fields
from sim.build import Simulator, build_simulator, cached_verilog

MEMORY_BEATS = 1 << 17
MEMORY_LATENCY = 16
STALL_BITS = {
    "array": 0,
    "lanes": 1,
    "attention": 2,
    "pool": 3,
    "load": 4,
    "store": 5,
    "dispatch": 6,
    "dense": 7,
    "memory": 8,
}
STALLS = {
    "none": (),
    "source": ("array", "load", "dispatch", "memory"),
    "sink": ("lanes", "attention", "pool", "dense", "store"),
    "random": tuple(STALL_BITS),
}
"""Units that each kind of stall holds back at random."""


def stall_mask(kind: str) -> int:
    """The stall source's mask."""
    return sum(1 << STALL_BITS[unit] for unit in STALLS[kind])


def tap_bits(c: Configuration) -> dict[str, int]:
    """Width of every tap."""
    return {
        name: 12 + sum(n * width for _, n, width, _ in fields)
        for name, fields in tap_fields(c).items()
    }


def complete_bits() -> int:
    """Width of a record of completions: a bit an engine, then a 12-bit tag an engine."""
    return 13 * len(Engine)


def top_verilog(c: Configuration) -> str:
    """The Verilog around the accelerator; its ports are all that a testbench drives."""
    taps = tap_bits(c)
    wires, ports, logs = [], [], []
    for name, bits in taps.items():
        wires.append(f"    wire {name}_valid;\n    wire [{bits - 1}:0] {name}_data;")
        ports.append(
            f"        .{name}_trace_valid({name}_valid),\n        .{name}_trace({name}_data),"
        )
        logs.append(
            f'    trace_log #(.WIDTH({bits}), .NAME("{name}")) log_{name} (\n'
            f"        .clk(clk), .valid({name}_valid && !rst), .data({name}_data), "
            ".cycle(now));"
        )
    done_bits = complete_bits()
    newline = "\n"
    return f"""// Written by sim.block.top; simulation only.
module block_top (
    input         clk,
    input         rst,
    input  [7:0]  host_address,
    input         host_write,
    input  [31:0] host_data_in,
    output [31:0] host_data,
    output        busy,
    output        done
);
    wire [{len(STALL_BITS) - 1}:0]  stall;
    wire [31:0] now;
    wire req_valid, req_ready, w_valid, w_ready, r_valid, r_ready;
    wire [48:0] req_payload;
    wire [127:0] w_data, r_data;
    wire [{len(Engine) - 1}:0] complete_valid;
    wire [{12 * len(Engine) - 1}:0] complete_tag;
{newline.join(wires)}
    accelerator core (
        .clk(clk), .rst(rst), .stall(stall[{STALL_BITS["memory"] - 1}:0]),
        .host_address(host_address), .host_write(host_write),
        .host_data_in(host_data_in), .host_data(host_data),
        .busy(busy), .done(done), .now(now),
        .port__request__valid(req_valid), .port__request__ready(req_ready),
        .port__request__payload(req_payload),
        .port__write__valid(w_valid), .port__write__ready(w_ready),
        .port__write__payload(w_data),
        .port__read__valid(r_valid), .port__read__ready(r_ready),
        .port__read__payload(r_data),
{newline.join(ports)}
        .complete_valid(complete_valid), .complete_tag(complete_tag));
    external_memory #(.WIDTH(128), .DEPTH({MEMORY_BEATS}), .LATENCY({MEMORY_LATENCY})) memory (
        .clk(clk), .rst(rst), .stall(stall[{STALL_BITS["memory"]}]),
        .req_valid(req_valid), .req_ready(req_ready), .req_write(req_payload[0]),
        .req_address(req_payload[32:1]), .req_beats(req_payload[48:33]),
        .w_valid(w_valid), .w_ready(w_ready), .w_data(w_data),
        .r_valid(r_valid), .r_ready(r_ready), .r_data(r_data),
        .beats_read(), .beats_written());
    stall_source #(.WIDTH({len(STALL_BITS)})) stalls (.clk(clk), .stall(stall));
{newline.join(logs)}
    trace_log #(.WIDTH({done_bits}), .NAME("complete")) log_complete (
        .clk(clk), .valid(|complete_valid && !rst), .data({{complete_tag, complete_valid}}),
        .cycle(now));
endmodule
"""


def block_simulator(
    configuration: Configuration,
    *,
    waves: bool = False,
    netlist: Mapping[str, str] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Simulator:
    """The compiled system of a configuration, from the cache where nothing changed.

    `netlist`, file name to Verilog text, stands in the place of the accelerator's RTL.
    """
    from hw.accelerator import Accelerator

    if netlist is None:
        report(f"elaborate accelerator {configuration.name}")
        text, cached = cached_verilog(
            lambda: Accelerator(configuration), "accelerator", repr(configuration)
        )
        report(f"elaborated ({'cached' if cached else 'new'}, {len(text) / 1e6:.1f} MB of Verilog)")
        netlist = {"accelerator.v": text}
    return build_simulator(
        {**netlist, "block_top.v": top_verilog(configuration)},
        "block_top",
        trace=waves,
        rtl=("external_memory.v", "trace_log.v", "stall_source.v"),
        report=report,
    )
