// Simulation models of the ECP5 cells between a board's pins and the design: pads, their registers,
// the PLL. Written from Lattice's FPGA-DS-02012 and its sysIO, high-speed I/O and sysCLOCK usage guides
// (FPGA-TN-02032, 02035, 02200). Simulation only.

module IB (input I, output O);
    assign O = I;
endmodule

module OBZ (input I, T, output O);
    assign O = T ? 1'bz : I;
endmodule

module BB (input I, T, output O, inout B);
    assign B = T ? 1'bz : I;
    assign O = B;
endmodule

// Registers in the pads, cleared at once: they wake as 0, as all that the design does not set.
module OFS1P3DX (input D, SP, SCLK, CD, output reg Q);
    initial Q = 0;
    always @(posedge SCLK or posedge CD) if (CD) Q <= 0; else if (SP) Q <= D;
endmodule

module IFS1P3DX (input D, SP, SCLK, CD, output reg Q);
    initial Q = 0;
    always @(posedge SCLK or posedge CD) if (CD) Q <= 0; else if (SP) Q <= D;
endmodule

module FD1S3AX (input D, CK, output reg Q);
    initial Q = 0;
    always @(posedge CK) Q <= D;
endmodule

// D0 while the clock is high, D1 while it is low. The cell takes two cycles longer, which a clock that is
// put through does not show; anything else would, and is refused.
module ODDRX1F (input D0, D1, SCLK, RST, output Q);
    reg high = 0, low = 0, started = 0;
    always @(posedge SCLK) begin
        started <= 1;
        {high, low} <= {D0, D1};
        if (RST || (started && {high, low} != {D0, D1})) $fatal(1, "ODDRX1F: not modelled but for a clock");
    end
    assign Q = SCLK ? high : low;
endmodule

// Ratios and phases of the outputs are those of the parameters, their frequency is not: every edge of CLKI
// is a quarter of CLKOP's period, as if the oscillator ran at twice CLKOP's frequency. It locks after some
// periods.
module EHXPLLL #(
    parameter PLLRST_ENA = "DISABLED", parameter INTFB_WAKE = "DISABLED",
    parameter STDBY_ENABLE = "DISABLED", parameter DPHASE_SOURCE = "DISABLED",
    parameter FEEDBK_PATH = "CLKOP",
    parameter OUTDIVIDER_MUXA = "DIVA", parameter OUTDIVIDER_MUXB = "DIVB",
    parameter OUTDIVIDER_MUXC = "DIVC",
    parameter CLKI_DIV = 1, parameter CLKFB_DIV = 1,
    parameter CLKOP_ENABLE = "ENABLED", parameter CLKOP_DIV = 8,
    parameter CLKOP_CPHASE = 0, parameter CLKOP_FPHASE = 0,
    parameter CLKOS_ENABLE = "DISABLED", parameter CLKOS_DIV = 8,
    parameter CLKOS_CPHASE = 0, parameter CLKOS_FPHASE = 0,
    parameter CLKOS2_ENABLE = "DISABLED", parameter CLKOS2_DIV = 8,
    parameter CLKOS2_CPHASE = 0, parameter CLKOS2_FPHASE = 0
) (
    input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
    input PLLWAKESYNC, ENCLKOP,
    output reg CLKOP, CLKOS, CLKOS2, output LOCK
);
    // Phases count eighths of the VCO's period, and a divider's first edge comes with CPHASE = DIV - 1.
    localparam PERIOD = 8 * CLKOP_DIV;
    localparam LATE = 8 * (CLKOS_CPHASE - CLKOS_DIV - CLKOP_CPHASE + CLKOP_DIV) + CLKOS_FPHASE - CLKOP_FPHASE;
    localparam QUARTERS = 4 * LATE / PERIOD;
    localparam RATIO = CLKOS2_ENABLE == "ENABLED" ? CLKOS2_DIV / CLKOP_DIV : 1;
    localparam LOCKS = 64;
    initial begin
        if (FEEDBK_PATH != "CLKOP" || CLKOP_ENABLE != "ENABLED" || CLKOS_ENABLE != "ENABLED")
            $fatal(1, "EHXPLLL: this use of it is not modelled");
        if (CLKOS_DIV != CLKOP_DIV || 4 * LATE % PERIOD != 0 || LATE < 0 || QUARTERS > 3)
            $fatal(1, "EHXPLLL: CLKOS is not CLKOP some quarters of a period later");
        if (CLKOS2_ENABLE == "ENABLED" && (CLKOS2_DIV % CLKOP_DIV != 0
                                           || CLKOS2_CPHASE != CLKOS2_DIV - 1 || CLKOS2_FPHASE != 0
                                           || CLKOP_CPHASE != CLKOP_DIV - 1 || CLKOP_FPHASE != 0))
            $fatal(1, "EHXPLLL: CLKOS2 is not CLKOP divided, with edges in common");
    end
    reg [7:0] quarter = 0, locking = 0;  // of CLKOS2's period; periods
    wire [7:0] next = quarter == 4 * RATIO - 1 ? 0 : quarter + 1;
    wire [7:0] late = next + 4 * RATIO - QUARTERS;
    initial {CLKOP, CLKOS, CLKOS2} = 0;
    assign LOCK = locking == LOCKS;
    always @(posedge CLKI or negedge CLKI) begin
        quarter <= next;
        CLKOP <= next[1:0] < 2;
        CLKOS <= late[1:0] < 2;
        CLKOS2 <= next < 2 * RATIO;
        if (next == 0 && !LOCK) locking <= locking + 1;
    end
endmodule
