// Simulation models of the ECP5 cells that synthesis maps the accelerator to, written from Lattice's
// ECP5 family data sheet (FPGA-DS-02012) and memory and sysDSP usage guides (FPGA-TN-02204, 02205).
// Simulation only; what synthesis never uses of a cell stops the simulation instead of being wrong.

/* verilator lint_off BLKSEQ */
/* verilator lint_off MULTIDRIVEN */
module LUT4 #(parameter [15:0] INIT = 16'b0) (input A, B, C, D, output Z);
    assign Z = INIT[{D, C, B, A}];
endmodule

// Two bits of an adder: sums are LUT xor carry in, a carry is the incoming one where the LUT is 1,
// else what the two-input half of the LUT says.
module CCU2C #(
    parameter [15:0] INIT0 = 16'b0, parameter [15:0] INIT1 = 16'b0,
    parameter INJECT1_0 = "YES", parameter INJECT1_1 = "YES"
) (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1, output S0, S1, COUT
);
    wire propagate0 = INIT0[{D0, C0, B0, A0}], propagate1 = INIT1[{D1, C1, B1, A1}];
    wire generate0 = (INJECT1_0 != "YES") && INIT0[{2'b0, B0, A0}];
    wire generate1 = (INJECT1_1 != "YES") && INIT1[{2'b0, B1, A1}];
    wire middle = propagate0 ? CIN : generate0;
    assign S0 = propagate0 ^ ((INJECT1_0 != "YES") && CIN);
    assign S1 = propagate1 ^ ((INJECT1_1 != "YES") && middle);
    assign COUT = propagate1 ? middle : generate1;
endmodule

module TRELLIS_FF #(
    parameter GSR = "AUTO", parameter CEMUX = "1", parameter CLKMUX = "CLK",
    parameter LSRMUX = "LSR", parameter SRMODE = "LSR_OVER_CE", parameter REGSET = "RESET",
    parameter LSRMODE = "LSR"
) (
    input CLK, LSR, CE, DI, M, output reg Q
);
    wire enable = (CEMUX == "1") || ((CEMUX == "INV") ? !CE : CE);
    wire set = (LSRMUX == "INV") ? !LSR : LSR;
    initial begin
        Q = (REGSET == "SET");
        if (CLKMUX != "CLK" || SRMODE != "LSR_OVER_CE" || LSRMODE != "LSR") $stop;
    end
    always @(posedge CLK)
        if (set) Q <= (REGSET == "SET");
        else if (enable) Q <= DI;
endmodule

// 16 x 4 bits, written at the clock, read at any time.
module TRELLIS_DPR16X4 #(
    parameter [63:0] INITVAL = 64'b0, parameter WCKMUX = "WCK", parameter WREMUX = "WRE"
) (
    input [3:0] RAD, output [3:0] DO, input [3:0] WAD, DI, input WCK, WRE
);
    reg [3:0] words [0:15];
    integer i;
    initial begin
        for (i = 0; i < 16; i = i + 1) words[i] = INITVAL[4 * i +: 4];
        if (WCKMUX != "WCK" || WREMUX != "WRE") $stop;
    end
    always @(posedge WCK) if (WRE) words[WAD] <= DI;
    assign DO = words[RAD];
endmodule

// 18 x 18 bits, signed or unsigned; synthesis leaves the registers to the fabric.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE", parameter REG_INPUTB_CLK = "NONE",
    parameter REG_PIPELINE_CLK = "NONE", parameter REG_OUTPUT_CLK = "NONE"
) (
    input A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, A16, A17,
    input B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, B10, B11, B12, B13, B14, B15, B16, B17,
    input C0, C1, C2, C3, C4, C5, C6, C7, C8, C9, C10, C11, C12, C13, C14, C15, C16, C17,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    output P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17, P18, P19, P20, P21, P22, P23, P24, P25, P26, P27, P28, P29, P30, P31, P32, P33, P34, P35
);
    wire [17:0] a = {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [17:0] b = {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
    wire signed [36:0] left = {{19{SIGNEDA & a[17]}}, a};
    wire signed [36:0] right = {{19{SIGNEDB & b[17]}}, b};
    wire signed [36:0] product = left * right;
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = product[35:0];
    initial if (REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE" ||
                REG_PIPELINE_CLK != "NONE" || REG_OUTPUT_CLK != "NONE") $stop;
endmodule

// 18 kbit as 2048 bytes of 9 bits.  A port of 9 bits shows a byte, of 18 bits two; narrower ones
// show bits of the lower 8 of each byte.  The lowest address bits of an 18-bit port enable the bytes
// of a write.  With 36 bits A writes and B reads four bytes, the lower half on A's data pins.
module DP16KD #(
    parameter [319:0] INITVAL_00 = 320'b0, parameter [319:0] INITVAL_01 = 320'b0,
    parameter [319:0] INITVAL_02 = 320'b0, parameter [319:0] INITVAL_03 = 320'b0,
    parameter [319:0] INITVAL_04 = 320'b0, parameter [319:0] INITVAL_05 = 320'b0,
    parameter [319:0] INITVAL_06 = 320'b0, parameter [319:0] INITVAL_07 = 320'b0,
    parameter [319:0] INITVAL_08 = 320'b0, parameter [319:0] INITVAL_09 = 320'b0,
    parameter [319:0] INITVAL_0A = 320'b0, parameter [319:0] INITVAL_0B = 320'b0,
    parameter [319:0] INITVAL_0C = 320'b0, parameter [319:0] INITVAL_0D = 320'b0,
    parameter [319:0] INITVAL_0E = 320'b0, parameter [319:0] INITVAL_0F = 320'b0,
    parameter [319:0] INITVAL_10 = 320'b0, parameter [319:0] INITVAL_11 = 320'b0,
    parameter [319:0] INITVAL_12 = 320'b0, parameter [319:0] INITVAL_13 = 320'b0,
    parameter [319:0] INITVAL_14 = 320'b0, parameter [319:0] INITVAL_15 = 320'b0,
    parameter [319:0] INITVAL_16 = 320'b0, parameter [319:0] INITVAL_17 = 320'b0,
    parameter [319:0] INITVAL_18 = 320'b0, parameter [319:0] INITVAL_19 = 320'b0,
    parameter [319:0] INITVAL_1A = 320'b0, parameter [319:0] INITVAL_1B = 320'b0,
    parameter [319:0] INITVAL_1C = 320'b0, parameter [319:0] INITVAL_1D = 320'b0,
    parameter [319:0] INITVAL_1E = 320'b0, parameter [319:0] INITVAL_1F = 320'b0,
    parameter [319:0] INITVAL_20 = 320'b0, parameter [319:0] INITVAL_21 = 320'b0,
    parameter [319:0] INITVAL_22 = 320'b0, parameter [319:0] INITVAL_23 = 320'b0,
    parameter [319:0] INITVAL_24 = 320'b0, parameter [319:0] INITVAL_25 = 320'b0,
    parameter [319:0] INITVAL_26 = 320'b0, parameter [319:0] INITVAL_27 = 320'b0,
    parameter [319:0] INITVAL_28 = 320'b0, parameter [319:0] INITVAL_29 = 320'b0,
    parameter [319:0] INITVAL_2A = 320'b0, parameter [319:0] INITVAL_2B = 320'b0,
    parameter [319:0] INITVAL_2C = 320'b0, parameter [319:0] INITVAL_2D = 320'b0,
    parameter [319:0] INITVAL_2E = 320'b0, parameter [319:0] INITVAL_2F = 320'b0,
    parameter [319:0] INITVAL_30 = 320'b0, parameter [319:0] INITVAL_31 = 320'b0,
    parameter [319:0] INITVAL_32 = 320'b0, parameter [319:0] INITVAL_33 = 320'b0,
    parameter [319:0] INITVAL_34 = 320'b0, parameter [319:0] INITVAL_35 = 320'b0,
    parameter [319:0] INITVAL_36 = 320'b0, parameter [319:0] INITVAL_37 = 320'b0,
    parameter [319:0] INITVAL_38 = 320'b0, parameter [319:0] INITVAL_39 = 320'b0,
    parameter [319:0] INITVAL_3A = 320'b0, parameter [319:0] INITVAL_3B = 320'b0,
    parameter [319:0] INITVAL_3C = 320'b0, parameter [319:0] INITVAL_3D = 320'b0,
    parameter [319:0] INITVAL_3E = 320'b0, parameter [319:0] INITVAL_3F = 320'b0,
    parameter DATA_WIDTH_A = 18, parameter DATA_WIDTH_B = 18,
    parameter REGMODE_A = "NOREG", parameter REGMODE_B = "NOREG", parameter RESETMODE = "SYNC",
    parameter ASYNC_RESET_RELEASE = "SYNC", parameter CSDECODE_A = "0b000",
    parameter CSDECODE_B = "0b000", parameter CLKAMUX = "CLKA", parameter CLKBMUX = "CLKB",
    parameter WRITEMODE_A = "NORMAL", parameter WRITEMODE_B = "NORMAL", parameter GSR = "AUTO"
) (
    input CLKA, WEA, CEA, OCEA, RSTA, CSA0, CSA1, CSA2,
    input ADA0, ADA1, ADA2, ADA3, ADA4, ADA5, ADA6, ADA7, ADA8, ADA9, ADA10, ADA11, ADA12, ADA13,
    input DIA0, DIA1, DIA2, DIA3, DIA4, DIA5, DIA6, DIA7, DIA8, DIA9, DIA10, DIA11, DIA12, DIA13, DIA14, DIA15, DIA16, DIA17,
    output DOA0, DOA1, DOA2, DOA3, DOA4, DOA5, DOA6, DOA7, DOA8, DOA9, DOA10, DOA11, DOA12, DOA13, DOA14, DOA15, DOA16, DOA17,
    input CLKB, WEB, CEB, OCEB, RSTB, CSB0, CSB1, CSB2,
    input ADB0, ADB1, ADB2, ADB3, ADB4, ADB5, ADB6, ADB7, ADB8, ADB9, ADB10, ADB11, ADB12, ADB13,
    input DIB0, DIB1, DIB2, DIB3, DIB4, DIB5, DIB6, DIB7, DIB8, DIB9, DIB10, DIB11, DIB12, DIB13, DIB14, DIB15, DIB16, DIB17,
    output DOB0, DOB1, DOB2, DOB3, DOB4, DOB5, DOB6, DOB7, DOB8, DOB9, DOB10, DOB11, DOB12, DOB13, DOB14, DOB15, DOB16, DOB17
);
    reg [8:0] bytes [0:2047];
    wire [13:0] address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire [17:0] in_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [17:0] in_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    reg [17:0] out_a = 0, out_b = 0;
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = out_a;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = out_b;
    wire selected_a = {CSA2, CSA1, CSA0} == 3'b000, selected_b = {CSB2, CSB1, CSB0} == 3'b000;

    localparam [319:0] ANY_INIT =
        INITVAL_00 | INITVAL_01 | INITVAL_02 | INITVAL_03 |
        INITVAL_04 | INITVAL_05 | INITVAL_06 | INITVAL_07 |
        INITVAL_08 | INITVAL_09 | INITVAL_0A | INITVAL_0B |
        INITVAL_0C | INITVAL_0D | INITVAL_0E | INITVAL_0F |
        INITVAL_10 | INITVAL_11 | INITVAL_12 | INITVAL_13 |
        INITVAL_14 | INITVAL_15 | INITVAL_16 | INITVAL_17 |
        INITVAL_18 | INITVAL_19 | INITVAL_1A | INITVAL_1B |
        INITVAL_1C | INITVAL_1D | INITVAL_1E | INITVAL_1F |
        INITVAL_20 | INITVAL_21 | INITVAL_22 | INITVAL_23 |
        INITVAL_24 | INITVAL_25 | INITVAL_26 | INITVAL_27 |
        INITVAL_28 | INITVAL_29 | INITVAL_2A | INITVAL_2B |
        INITVAL_2C | INITVAL_2D | INITVAL_2E | INITVAL_2F |
        INITVAL_30 | INITVAL_31 | INITVAL_32 | INITVAL_33 |
        INITVAL_34 | INITVAL_35 | INITVAL_36 | INITVAL_37 |
        INITVAL_38 | INITVAL_39 | INITVAL_3A | INITVAL_3B |
        INITVAL_3C | INITVAL_3D | INITVAL_3E | INITVAL_3F;
    integer i;
    initial begin
        for (i = 0; i < 2048; i = i + 1) bytes[i] = 0;
        if (ANY_INIT != 0 || REGMODE_A != "NOREG" || REGMODE_B != "NOREG" ||
            CSDECODE_A != "0b000" || CSDECODE_B != "0b000" || CLKAMUX != "CLKA" ||
            CLKBMUX != "CLKB") $stop;
    end

    function [35:0] shown(input integer width, input [13:0] address);
        reg [8:0] low;
        begin
            low = bytes[address[13:3]];
            case (width)
                36: shown = {bytes[{address[13:5], 2'd3}], bytes[{address[13:5], 2'd2}],
                             bytes[{address[13:5], 2'd1}], bytes[{address[13:5], 2'd0}]};
                18: shown = {18'b0, bytes[{address[13:4], 1'b1}], bytes[{address[13:4], 1'b0}]};
                9: shown = {27'b0, low};
                4: shown = {32'b0, address[2] ? low[7:4] : low[3:0]};
                2: shown = {34'b0, low[{address[2:1], 1'b0} +: 2]};
                default: shown = {35'b0, low[address[2:0]]};
            endcase
        end
    endfunction

    task store(input integer width, input [13:0] address, input [35:0] word);
        case (width)
            36: for (i = 0; i < 4; i = i + 1)
                if (address[i]) bytes[{address[13:5], i[1:0]}] = word[9 * i +: 9];
            18: begin
                if (address[0]) bytes[{address[13:4], 1'b0}] = word[8:0];
                if (address[1]) bytes[{address[13:4], 1'b1}] = word[17:9];
            end
            9: bytes[address[13:3]] = word[8:0];
            4: bytes[address[13:3]][{address[2], 2'b0} +: 4] = word[3:0];
            2: bytes[address[13:3]][{address[2:1], 1'b0} +: 2] = word[1:0];
            default: bytes[address[13:3]][address[2:0]] = word[0];
        endcase
    endtask

    // The byte of the RAM that is byte i of what a port of this width shows; whether a write writes it.
    function [10:0] place(input integer width, input [13:0] address, input [1:0] i);
        case (width)
            36: place = {address[13:5], i};
            18: place = {address[13:4], i[0]};
            default: place = address[13:3];
        endcase
    endfunction

    function written(input integer width, input [13:0] address, input [10:0] at);
        case (width)
            36: written = at[10:2] == address[13:5] && address[{2'b0, at[1:0]}];
            18: written = at[10:1] == address[13:4] && address[{3'b0, at[0]}];
            default: written = at == address[13:3];
        endcase
    endfunction

    // Both ports have one clock here.  A port that reads a byte which the other writes sees the old
    // one, or with COLLISIONS_SHOW_GARBAGE its complement: on the device it is neither for sure.
    reg [35:0] old_a, old_b;
    always @(posedge CLKA) begin
        old_a = shown(DATA_WIDTH_A, address_a);
        old_b = shown(DATA_WIDTH_B, address_b);
`ifdef COLLISIONS_SHOW_GARBAGE
        for (i = 0; i < 4; i = i + 1) begin
            if (CEB && selected_b && WEB &&
                written(DATA_WIDTH_B, address_b, place(DATA_WIDTH_A, address_a, i[1:0])))
                old_a[9 * i +: 9] = ~old_a[9 * i +: 9];
            if (CEA && selected_a && WEA &&
                written(DATA_WIDTH_A, address_a, place(DATA_WIDTH_B, address_b, i[1:0])))
                old_b[9 * i +: 9] = ~old_b[9 * i +: 9];
        end
`endif
        if (CEA && selected_a && WEA) store(DATA_WIDTH_A, address_a, {in_b, in_a});
        if (CEB && selected_b && WEB) store(DATA_WIDTH_B, address_b, {18'b0, in_b});
        if (RESETMODE != "SYNC" && (RSTA || RSTB)) $stop;
        if (RSTA) out_a <= 0;
        else if (CEA && selected_a && DATA_WIDTH_B != 36) begin
            if (!WEA || WRITEMODE_A == "READBEFOREWRITE") out_a <= old_a[17:0];
            else if (WRITEMODE_A == "WRITETHROUGH") out_a <= shown(DATA_WIDTH_A, address_a);
        end
        if (RSTB) out_b <= 0;
        else if (CEB && selected_b) begin
            if (DATA_WIDTH_B == 36) {out_b, out_a} <= old_b;
            else if (!WEB || WRITEMODE_B == "READBEFOREWRITE") out_b <= old_b[17:0];
            else if (WRITEMODE_B == "WRITETHROUGH") out_b <= shown(DATA_WIDTH_B, address_b);
        end
    end
endmodule
