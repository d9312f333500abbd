"""The accelerator as a native simulator: its Verilog wrapper, and the executable from the cache."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hw.spec.commands import Engine
from hw.spec.configuration import Configuration
from sim.block.top import STALL_BITS, complete_bits, tap_bits
from sim.build import cached_verilog
from sim.build.program import build_program

TOP = "native_top"
MAIN = Path(__file__).with_name("main.cpp")
HEADERS = tuple(
    Path(__file__).with_name(name) for name in ("memory.h", "timed_memory.h", "system.h")
)


@dataclass(frozen=True)
class NativeProgram:
    """A compiled native simulator.

    Attributes
    ----------
    executable : Path
        Start it through :class:`sim.native.NativeSimulator`.
    rtl : str
        SHA-256 of the accelerator's Verilog, hex.
    cached : bool
        Whether it was found rather than built.
    seconds : float
        Time that elaboration and build took.
    """

    executable: Path
    rtl: str
    cached: bool
    seconds: float


def taps(c: Configuration) -> dict[str, int]:
    """Width of every tap that a native simulator can trace, the completions among them."""
    return tap_bits(c) | {"complete": complete_bits()}


def taps_header(c: Configuration) -> str:
    """The C++ header ``taps.h``: what differs between configurations."""
    entries = " ".join(f"X({name}, {bits})" for name, bits in taps(c).items())
    return (
        "// Written by sim.native.top.\n"
        f"#define BVIT_TAPS(X) {entries}\n"
        f"constexpr unsigned ENGINES = {len(Engine)};\n"
    )


def native_verilog(c: Configuration) -> str:
    """The Verilog around the accelerator: stalls tied low, ports with C++ names."""
    ports, connections = [], []
    for name, bits in taps(c).items():
        ports.append(f"    output {name}_valid,\n    output [{bits - 1}:0] {name}_data")
        if name != "complete":
            connections.append(
                f"        .{name}_trace_valid({name}_valid), .{name}_trace({name}_data),"
            )
    newline, comma = "\n", ",\n"
    return f"""// Written by sim.native.top; simulation only.
module {TOP} (
    input          clk,
    input          rst,
    input  [7:0]   host_address,
    input          host_write,
    input  [31:0]  host_data_in,
    output [31:0]  host_data,
    output         done,
    output [31:0]  now,
    output         request_valid,
    input          request_ready,
    output         request_write,
    output [31:0]  request_address,
    output [15:0]  request_beats,
    output         write_valid,
    input          write_ready,
    output [127:0] write_data,
    input          read_valid,
    output         read_ready,
    input  [127:0] read_data,
{comma.join(ports)}
);
    wire [{len(Engine) - 1}:0] completed;
    wire [{12 * len(Engine) - 1}:0] completed_tag;
    assign complete_valid = |completed;
    assign complete_data = {{completed_tag, completed}};
    accelerator core (
        .clk(clk), .rst(rst), .stall({STALL_BITS["memory"]}'d0),
        .host_address(host_address), .host_write(host_write),
        .host_data_in(host_data_in), .host_data(host_data),
        .busy(), .done(done), .now(now),
        .port__request__valid(request_valid), .port__request__ready(request_ready),
        .port__request__payload({{request_beats, request_address, request_write}}),
        .port__write__valid(write_valid), .port__write__ready(write_ready),
        .port__write__payload(write_data),
        .port__read__valid(read_valid), .port__read__ready(read_ready),
        .port__read__payload(read_data),
{newline.join(connections)}
        .complete_valid(completed), .complete_tag(completed_tag));
endmodule
"""


def build_native(
    configuration: Configuration, *, report: Callable[[str], None] = lambda _: None
) -> NativeProgram:
    """The native simulator of a configuration, from the cache where nothing changed.

    Raises
    ------
    SimulatorBuildError
        A tool is missing, or the Verilog or C++ does not compile.
    """
    from hw.accelerator import Accelerator

    start = time.perf_counter()
    report(f"elaborate accelerator {configuration.name}")
    accelerator, _ = cached_verilog(
        lambda: Accelerator(configuration), "accelerator", repr(configuration)
    )
    program = build_program(
        TOP,
        {"accelerator.v": accelerator, f"{TOP}.v": native_verilog(configuration)},
        MAIN,
        headers=HEADERS,
        written={"taps.h": taps_header(configuration)},
        report=report,
    )
    rtl = hashlib.sha256(accelerator.encode()).hexdigest()
    return NativeProgram(program.path, rtl, program.cached, time.perf_counter() - start)
