"""What a board has around the FPGA, as Verilog: an oscillator's pin, a UART, LEDs, an SDRAM."""

from __future__ import annotations

from bitstreams.boards import Board, Sdram
from bitstreams.boards.sdram import DELAY_PS
from hw.memory.sdram import SdramChip, SdramTiming
from sim.sdram import chip_parameters

TOP = "simulated_board"
DESIGN = "top"
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
    return round((timing.chip.t_ac_ps + sum(DELAY_PS) / 2) / (10**12 / timing.clock_hz / QUARTERS))


def wrapper(board: Board, oscillator: str) -> str:
    """The module `TOP` around the module `DESIGN`.

    Parameters
    ----------
    board : Board
    oscillator : str
        The platform's name of its resource.
    """
    pins = [f".{oscillator}_0__io(oscillator)", ".uart_0__rx__io(rx)", ".uart_0__tx__io(tx)"]
    pins += [f".led_{i}__io(leds[{i}])" for i in range(4)]
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
module {TOP} (input oscillator, input rx, output tx, output [3:0] leds);
{memory}    {DESIGN} fpga (
        {newline.join(pins)});
endmodule
"""


def _sdram(timing: SdramTiming) -> str:
    """Nets, chip and contents.  The clock pin reaches the chip as commands do; words come late."""
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

    // Words read are on the pins so many quarters of a period after the chip's clock edge.
    reg [3:0] read_delay = {read_delay(timing)};
    initial if ($value$plusargs("read_delay=%d", read_delay)) begin end
    reg [16:0] late [0:14];
    wire [16:0] shown = read_delay == 0 ? {{dq_driving, dq_o}} : late[read_delay - 1];
    assign dq = shown[16] ? shown[15:0] : 16'bz;
    integer i;
    always @(posedge oscillator or negedge oscillator) begin
        late[0] <= {{dq_driving, dq_o}};
        for (i = 1; i < 15; i = i + 1) late[i] <= late[i - 1];
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
