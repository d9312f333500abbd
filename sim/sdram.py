"""The SDRAM controller with a chip that checks it, as Verilog."""

from __future__ import annotations

from dataclasses import asdict

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.interfaces import MemoryPort
from hw.memory.crossing import CrossedMemory
from hw.memory.sdram import SdramController, SdramTiming
from hw.memory.sdram.pins import SdramPins
from sim.build import verilog
from sim.build.simulator import RTL

TOP = "sdram_top"
TESTBENCH_TOP = "sdram_testbench_top"

# Attributes of SdramChip that are parameters of sdram.v, in capitals.
_PARAMETERS = (
    "row_bits", "column_bits", "bank_bits", "t_rcd_ps", "t_rp_ps", "t_ras_ps", "t_rc_ps",
    "t_rrd_ps", "t_rfc_ps", "t_wr_ps", "t_mrd_ps", "refresh_ps", "power_up_ps",
    "power_up_refreshes", "least_cycles",
)  # fmt: skip

_PORT = (
    ("input", 1, "request_valid"), ("output", 1, "request_ready"), ("input", 1, "request_write"),
    ("input", 32, "request_address"), ("input", 16, "request_beats"),
    ("input", 1, "write_valid"), ("output", 1, "write_ready"), ("input", 128, "write_data"),
    ("output", 1, "read_valid"), ("input", 1, "read_ready"), ("output", 128, "read_data"),
    ("output", 1, "ready"), ("output", 32, "activates"), ("output", 32, "refreshes"),
    ("output", 32, "words"),
)  # fmt: skip


def _declare(ports) -> str:
    return ",\n".join(
        f"    {way} {f'[{bits - 1}:0] ' if bits > 1 else ''}{name}" for way, bits, name in ports
    )


class _Crossed(wiring.Component):
    """The controller behind a crossing: its port in ``sync``, its pins in ``memory``."""

    def __init__(self, controller: SdramController) -> None:
        self._controller = controller
        pins = SdramPins(controller.timing.chip)
        super().__init__({"port": In(MemoryPort(128)), "pins": Out(pins)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.crossed = crossed = CrossedMemory(self._controller, "memory")
        connect(m, flipped(self.port), crossed.port)
        connect(m, self._controller.pins, flipped(self.pins))
        return m


def chip_parameters(timing: SdramTiming) -> str:
    """Parameters of ``sim/rtl/sdram.v`` for a chip and its clock, as Verilog connects them."""
    values = {name: value for name, value in asdict(timing.chip).items() if name in _PARAMETERS}
    values["period_ps"] = 10**12 // timing.clock_hz
    return ", ".join(f".{name.upper()}({value})" for name, value in values.items())


def sdram_sources(timing: SdramTiming, capture: int = 0, ratio: int = 1) -> dict[str, str]:
    """Verilog of controller and chip with the memory port outside; top module ``sdram_top``.

    The chip is clocked by the controller's clock, ``clk``; its data are `capture` cycles late, as
    over a long way or through the pads' registers.  The contents are outside, a word a cycle, as
    ``sim/rtl/sdram.v`` says.  With a `ratio` above 1 the port is at ``port_clk``, which is to be
    so many times as slow, and crosses to the controller's; else it is at ``clk``.
    """
    chip = timing.chip
    address_bits = chip.row_bits + chip.bank_bits + chip.column_bits
    ports = (
        ("input", 1, "clk"), ("input", 1, "port_clk"), ("input", 1, "rst"), *_PORT,
        ("output", address_bits, "word_address"), ("output", 1, "word_write"),
        ("output", 16, "word_data"), ("input", 16, "word"), ("output", 8, "ratio"),
    )  # fmt: skip
    controller, clocks, power = SdramController(timing, capture), ".clk(clk)", "!rst"
    if ratio > 1:
        # Its reset ends some cycles later: until then it does not enable the chip's clock.
        power = "!rst && (enabled || clk_en)"
        controller = _Crossed(controller)
        clocks = ".clk(port_clk), .memory_clk(clk), .memory_rst(1'b0)"
    late = (
        f"    reg [{16 * capture - 1}:0] dq_late;\n"
        "    always @(posedge clk) dq_late <= {dq_late, dq_o};\n"
    )
    dq = f"dq_late[{16 * capture - 1} -: 16]" if capture else "dq_o"
    top = f"""// Written by sim.sdram; simulation only.
module {TOP} (
{_declare(ports)}
);
    wire clk_en, cs, ras, cas, we, dq_oe;
    wire [{chip.bank_bits - 1}:0] ba;
    wire [{chip.row_bits - 1}:0] a;
    wire [1:0] dqm;
    wire [15:0] dq_i, dq_o;
    reg enabled = 0;
    always @(posedge clk) enabled <= {power if ratio > 1 else "1"};
    assign ratio = {ratio};
{late if capture else ""}    sdram_controller controller (
        {clocks}, .rst(rst),
        .port__request__valid(request_valid), .port__request__ready(request_ready),
        .port__request__payload({{request_beats, request_address, request_write}}),
        .port__write__valid(write_valid), .port__write__ready(write_ready),
        .port__write__payload(write_data),
        .port__read__valid(read_valid), .port__read__ready(read_ready),
        .port__read__payload(read_data),
        .pins__clk_en(clk_en), .pins__cs(cs), .pins__ras(ras), .pins__cas(cas), .pins__we(we),
        .pins__ba(ba), .pins__a(a), .pins__dqm(dqm),
        .pins__dq_o(dq_i), .pins__dq_oe(dq_oe), .pins__dq_i({dq}));
    sdram #({chip_parameters(timing)}) chip (
        .clk(clk), .power({power}), .clk_en(clk_en), .cs(cs), .ras(ras), .cas(cas), .we(we),
        .ba(ba), .a(a), .dqm(dqm), .dq_i(dq_i), .dq_driven(dq_oe), .dq_o(dq_o),
        .word_address(word_address), .word_write(word_write), .word_data(word_data), .word(word),
        .ready(ready), .activates(activates), .refreshes(refreshes), .words(words));
endmodule
"""
    return {
        # Amaranth's FIFO between clocks uses its reset both ways, on purpose.
        "sdram_controller.v": "/* verilator lint_off SYNCASYNCNET */\n"
        + verilog(controller, "sdram_controller"),
        "sdram.v": (RTL / "sdram.v").read_text(),
        f"{TOP}.v": top,
    }


def cocotb_sources(timing: SdramTiming, capture: int = 0, ratio: int = 1) -> dict[str, str]:
    """The same with the contents inside, for cocotb; top module ``sdram_testbench_top``.

    Its ``clk`` is the chip's; ``port_clk`` comes out, 1 or 2 times as slow.
    """
    if ratio not in (1, 2):
        raise ValueError(f"ratio={ratio}: 1 or 2")
    chip = timing.chip
    bits = chip.row_bits + chip.bank_bits + chip.column_bits
    ports = (("input", 1, "clk"), ("input", 1, "rst"), ("output", 1, "port_clk"), *_PORT)
    slower = "reg half = 0;\n    always @(posedge clk) half <= ~half;\n    "
    slower += "assign port_clk = half;"
    connections = ", ".join(f".{name}({name})" for _, _, name in ports)
    text = f"""// Written by sim.sdram; simulation only.
module {TESTBENCH_TOP} (
{_declare(ports)}
);
    {slower if ratio == 2 else "assign port_clk = clk;"}
    reg [15:0] contents [0:{(1 << bits) - 1}];
    wire [{bits - 1}:0] word_address;
    wire word_write;
    wire [15:0] word_data;
    always @(posedge clk) if (word_write) contents[word_address] <= word_data;
    {TOP} top ({connections},
        .word_address(word_address), .word_write(word_write), .word_data(word_data),
        .word(contents[word_address]));
endmodule
"""
    return sdram_sources(timing, capture, ratio) | {f"{TESTBENCH_TOP}.v": text}
