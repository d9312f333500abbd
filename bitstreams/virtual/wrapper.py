"""What a board has around the FPGA, as Verilog: an oscillator's pin, a UART, LEDs, an SDRAM."""

from __future__ import annotations

from amaranth.build import Platform

from bitstreams.boards import Board, Sdram
from bitstreams.boards.sdram import DELAY_PS
from bitstreams.build import TOP as DESIGN
from hw.memory.sdram import SdramChip, SdramTiming
from hw.system.system import LEDS
from sim.sdram import chip_parameters

TOP = "simulated_board"
QUARTERS = 4
"""Edges of the oscillator in a period of an ECP5's fastest clock, as ``ecp5_pins.v`` has it."""


def steps_a_cycle(board: Board, oscillator_hz: float) -> int:
    """Edges of the oscillator in a cycle of the accelerator's clock.

    With a PLL those of its model, else those that there are.
    """
    if isinstance(board.memory, Sdram):
        return QUARTERS * board.memory.ratio
    return round(2 * oscillator_hz / board.clock_hz)


def read_delay(timing: SdramTiming) -> int:
    """Quarters of a period from the chip's clock edge until a word is at the FPGA.

    The chip's access time, and the middle of what pads and board take.
    """
    return round((timing.chip.t_ac_ps + sum(DELAY_PS) / 2) / _quarter_ps(timing))


def read_hold(timing: SdramTiming) -> int:
    """Whole quarters of a period for which it stays there: until tOH after the next clock edge."""
    chip = timing.chip
    return int(QUARTERS + (chip.t_oh_ps - chip.t_ac_ps) / _quarter_ps(timing))


def _quarter_ps(timing: SdramTiming) -> float:
    return 10**12 / timing.clock_hz / QUARTERS


def wrapper(board: Board, platform: Platform) -> str:
    """The module `TOP` around the module `DESIGN`.

    Its ``leds`` are those of :data:`hw.system.system.LEDS`, 1 where one is lit.
    """
    pins = [
        f".{platform.default_clk}_0__io(oscillator)",
        ".uart_0__rx__io(rx)",
        ".uart_0__tx__io(tx)",
    ]
    pins += [f".led_{i}__io(led_pins[{i}])" for i in range(LEDS.size)]
    dark = sum(platform.lookup("led", i).ios[0].invert << i for i in range(LEDS.size))
    memory = ""
    if isinstance(board.memory, Sdram):
        timing = SdramTiming(board.memory.chip, board.memory_hz)
        memory = _sdram(timing)
        pins += [
            f".sdram_0__{pin}__io({net})"
            for pin, net in (
                ("clk", "chip_clk"), ("clk_en", "clk_en"), ("cs", "cs_n"), ("ras", "ras_n"),
                ("cas", "cas_n"), ("we", "we_n"), ("ba", "ba"), ("a", "a"), ("dqm", "dqm"),
                ("dq", "dq"),
            )
        ]  # fmt: skip
    newline = ",\n        "
    return f"""// Written by bitstreams.virtual; simulation only.
module {TOP} (input oscillator, input rx, output tx, output [{LEDS.size - 1}:0] leds);
    wire [{LEDS.size - 1}:0] led_pins;
    assign leds = led_pins ^ {LEDS.size}'d{dark};
{memory}    {DESIGN} fpga (
        {newline.join(pins)});
endmodule
"""


def _sdram(timing: SdramTiming) -> str:
    """Nets, chip and contents.

    Clock and commands reach the chip at once; all that pads and board take delays the words read.
    """
    chip: SdramChip = timing.chip
    bits = chip.row_bits + chip.bank_bits + chip.column_bits
    return f"""    wire chip_clk, clk_en, cs_n, ras_n, cas_n, we_n, dq_driving, word_write;
    wire [{chip.bank_bits - 1}:0] ba;
    wire [{chip.row_bits - 1}:0] a;
    wire [1:0] dqm;
    wire [15:0] dq, dq_o, word_data;
    wire [{bits - 1}:0] word_address;
    reg [15:0] contents [0:{(1 << bits) - 1}];
    always @(posedge chip_clk) if (word_write) contents[word_address] <= word_data;

    // Words read are on the pins so many quarters of a period after the chip's clock edge, for
    // {read_hold(timing)} of them; then their complements are.
    reg [7:0] read_delay = {read_delay(timing)};
    initial begin
        if ($value$plusargs("read_delay=%d", read_delay)) begin end
        if (read_delay > 15) $fatal(1, "read_delay=%0d: use 0 to 15", read_delay);
    end
    reg [16:0] late [0:15];
    wire [16:0] shown = late[read_delay[3:0]];
    assign dq = shown[16] ? shown[15:0] : 16'bz;
    // They change after what the clocks of the same step set: a register whose clock rises as a
    // word comes or goes takes what was there before.
    reg step = 0, settled = 0, chip_clk_before = 0;
    reg [1:0] quarter = 0;
    wire [1:0] now = chip_clk && !chip_clk_before ? 0 : quarter + 1;
    integer i;
    always @(posedge oscillator or negedge oscillator) step <= oscillator;
    always @(posedge step or negedge step) settled <= step;
    always @(posedge settled or negedge settled) begin
        chip_clk_before <= chip_clk;
        quarter <= now;
        late[0] <= {{dq_driving, now < {read_hold(timing)} ? dq_o : ~dq_o}};
        for (i = 1; i < 16; i = i + 1) late[i] <= late[i - 1];
    end

    // Without its clock enabled the chip forgets its state, as if it had no power.
    sdram #({chip_parameters(timing)}) chip (
        .clk(chip_clk), .power(clk_en), .clk_en(clk_en),
        .cs(!cs_n), .ras(!ras_n), .cas(!cas_n), .we(!we_n), .ba(ba), .a(a), .dqm(dqm),
        .dq_i(dq), .dq_driven(!fpga.sdram.dq0.\\buf .buf0.T),
        .dq_o(dq_o), .dq_driving(dq_driving),
        .word_address(word_address), .word_write(word_write), .word_data(word_data),
        .word(contents[word_address]), .ready(), .activates(), .refreshes(), .words());

"""
