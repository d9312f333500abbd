// Simulation models of the GW5A cells that synthesis maps the accelerator to, written from Gowin's
// guides to configurable function units (UG303) and block memory (UG300).
// Simulation only; what synthesis never uses of a cell stops the simulation instead of being wrong.

/* verilator lint_off BLKSEQ */
/* verilator lint_off MULTIDRIVEN */
/* verilator lint_off DECLFILENAME */
module VCC (output V);
    assign V = 1'b1;
endmodule

module GND (output G);
    assign G = 1'b0;
endmodule

module LUT1 #(parameter [1:0] INIT = 2'b0) (input I0, output F);
    assign F = INIT[I0];
endmodule

module LUT2 #(parameter [3:0] INIT = 4'b0) (input I0, I1, output F);
    assign F = INIT[{I1, I0}];
endmodule

module LUT3 #(parameter [7:0] INIT = 8'b0) (input I0, I1, I2, output F);
    assign F = INIT[{I2, I1, I0}];
endmodule

module LUT4 #(parameter [15:0] INIT = 16'b0) (input I0, I1, I2, I3, output F);
    assign F = INIT[{I3, I2, I1, I0}];
endmodule

// A bit of an adder, or with I3 low of a subtractor.
module ALU #(parameter ALU_MODE = 0) (input I0, I1, I3, CIN, output SUM, COUT);
    wire addend = I3 ? I1 : !I1;
    assign SUM = I0 ^ addend ^ CIN;
    assign COUT = (I0 && addend) || (CIN && (I0 || addend));
    initial if (ALU_MODE != 2) $stop;
endmodule

module DFF (input CLK, D, output reg Q);
    initial Q = 0;
    always @(posedge CLK) Q <= D;
endmodule

module DFFRE (input CLK, D, CE, RESET, output reg Q);
    initial Q = 0;
    always @(posedge CLK)
        if (RESET) Q <= 0;
        else if (CE) Q <= D;
endmodule

module DFFSE (input CLK, D, CE, SET, output reg Q);
    initial Q = 1;
    always @(posedge CLK)
        if (SET) Q <= 1;
        else if (CE) Q <= D;
endmodule

// 16 x 4 bits, written at the clock, read at any time.
module RAM16SDP4 #(
    parameter [15:0] INIT_0 = 16'b0, parameter [15:0] INIT_1 = 16'b0,
    parameter [15:0] INIT_2 = 16'b0, parameter [15:0] INIT_3 = 16'b0
) (
    input [3:0] RAD, output [3:0] DO, input [3:0] WAD, DI, input CLK, WRE
);
    reg [3:0] words [0:15];
    integer i;
    initial
        for (i = 0; i < 16; i = i + 1) words[i] = {INIT_3[i], INIT_2[i], INIT_1[i], INIT_0[i]};
    always @(posedge CLK) if (WRE) words[WAD] <= DI;
    assign DO = words[RAD];
endmodule

// What the block RAMs have in common: 2048 bytes of 9 bits, two ports at one clock.  A port of 9 bits
// moves a byte, of 18 two, of 36 four, and as many bits of 8 with 8, 16 and 32; narrower ones move
// bits of the lower 8 of a byte.  The lowest address bits of a port of 16 bits or more enable the
// bytes of a write.  A port that reads a byte which the other writes sees the old one, or with
// COLLISIONS_SHOW_GARBAGE its complement: on the device it is neither for sure.
module BlockRam #(
    parameter WIDTH_A = 9, parameter WIDTH_B = 9, parameter MODE_A = 0, parameter MODE_B = 0
) (
    input CLK, CEA, WREA, CEB, WREB, input [13:0] ADA, ADB, input [35:0] DIA, DIB,
    output reg [35:0] DOA, DOB
);
    localparam KEEP = 0, WRITE_THROUGH = 1;  // what an output shows in a write, else the old word
    reg [8:0] bytes [0:2047];
    integer i;
    initial begin
        for (i = 0; i < 2048; i = i + 1) bytes[i] = 0;
        DOA = 0;
        DOB = 0;
    end

    function integer many(input integer width);  // bytes that a port moves
        many = width < 16 ? 1 : width < 32 ? 2 : 4;
    endfunction

    function [10:0] place(input integer width, input [13:0] address, input [1:0] i);
        case (many(width))
            4: place = {address[13:5], i};
            2: place = {address[13:4], i[0]};
            default: place = address[13:3];
        endcase
    endfunction

    function [35:0] shown(input integer width, input [13:0] address);
        reg [8:0] byte_i;
        integer k;
        begin
            shown = 0;
            for (k = 0; k < many(width); k = k + 1) begin
                byte_i = bytes[place(width, address, k[1:0])];
                if (width % 9 == 0) shown[9 * k +: 9] = byte_i;
                else shown[8 * k +: 8] = byte_i[7:0];
            end
            case (width)
                4: shown = {32'b0, shown[{address[2], 2'b0} +: 4]};
                2: shown = {34'b0, shown[{address[2:1], 1'b0} +: 2]};
                1: shown = {35'b0, shown[address[2:0]]};
                default: ;
            endcase
        end
    endfunction

    function enabled(input integer width, input [13:0] address, input [1:0] i);
        enabled = many(width) == 1 || address[{2'b0, i}];
    endfunction

    task store(input integer width, input [13:0] address, input [35:0] word);
        integer k;
        for (k = 0; k < many(width); k = k + 1)
            if (enabled(width, address, k[1:0]))
                case (width)
                    4: bytes[address[13:3]][{address[2], 2'b0} +: 4] = word[3:0];
                    2: bytes[address[13:3]][{address[2:1], 1'b0} +: 2] = word[1:0];
                    1: bytes[address[13:3]][address[2:0]] = word[0];
                    9, 18, 36: bytes[place(width, address, k[1:0])] = word[9 * k +: 9];
                    default: bytes[place(width, address, k[1:0])][7:0] = word[8 * k +: 8];
                endcase
    endtask

    function written(input integer width, input [13:0] address, input [10:0] at);
        integer k;
        begin
            written = 0;
            for (k = 0; k < many(width); k = k + 1)
                if (enabled(width, address, k[1:0]) && at == place(width, address, k[1:0]))
                    written = 1;
        end
    endfunction

    function [35:0] clash(
        input integer width, input [13:0] address, input [35:0] word,
        input integer other, input [13:0] writes
    );
        integer k;
        begin
            clash = word;
`ifdef COLLISIONS_SHOW_GARBAGE
            for (k = 0; k < many(width); k = k + 1)
                if (written(other, writes, place(width, address, k[1:0])))
                    clash[(width % 9 == 0 ? 9 : 8) * k +: 9] = ~word[9 * k +: 9];
`endif
        end
    endfunction

    reg [35:0] old_a, old_b;
    always @(posedge CLK) begin
        old_a = shown(WIDTH_A, ADA);
        old_b = shown(WIDTH_B, ADB);
        if (CEB && WREB) old_a = clash(WIDTH_A, ADA, old_a, WIDTH_B, ADB);
        if (CEA && WREA) old_b = clash(WIDTH_B, ADB, old_b, WIDTH_A, ADA);
        if (CEA && WREA) store(WIDTH_A, ADA, DIA);
        if (CEB && WREB) store(WIDTH_B, ADB, DIB);
        if (CEA && !(WREA && MODE_A == KEEP))
            DOA <= WREA && MODE_A == WRITE_THROUGH ? shown(WIDTH_A, ADA) : old_a;
        if (CEB && !(WREB && MODE_B == KEEP))
            DOB <= WREB && MODE_B == WRITE_THROUGH ? shown(WIDTH_B, ADB) : old_b;
    end
endmodule

module SPX9 #(
    parameter [287:0] INIT_RAM_00 = 288'b0, parameter [287:0] INIT_RAM_01 = 288'b0,
    parameter [287:0] INIT_RAM_02 = 288'b0, parameter [287:0] INIT_RAM_03 = 288'b0,
    parameter [287:0] INIT_RAM_04 = 288'b0, parameter [287:0] INIT_RAM_05 = 288'b0,
    parameter [287:0] INIT_RAM_06 = 288'b0, parameter [287:0] INIT_RAM_07 = 288'b0,
    parameter [287:0] INIT_RAM_08 = 288'b0, parameter [287:0] INIT_RAM_09 = 288'b0,
    parameter [287:0] INIT_RAM_0A = 288'b0, parameter [287:0] INIT_RAM_0B = 288'b0,
    parameter [287:0] INIT_RAM_0C = 288'b0, parameter [287:0] INIT_RAM_0D = 288'b0,
    parameter [287:0] INIT_RAM_0E = 288'b0, parameter [287:0] INIT_RAM_0F = 288'b0,
    parameter [287:0] INIT_RAM_10 = 288'b0, parameter [287:0] INIT_RAM_11 = 288'b0,
    parameter [287:0] INIT_RAM_12 = 288'b0, parameter [287:0] INIT_RAM_13 = 288'b0,
    parameter [287:0] INIT_RAM_14 = 288'b0, parameter [287:0] INIT_RAM_15 = 288'b0,
    parameter [287:0] INIT_RAM_16 = 288'b0, parameter [287:0] INIT_RAM_17 = 288'b0,
    parameter [287:0] INIT_RAM_18 = 288'b0, parameter [287:0] INIT_RAM_19 = 288'b0,
    parameter [287:0] INIT_RAM_1A = 288'b0, parameter [287:0] INIT_RAM_1B = 288'b0,
    parameter [287:0] INIT_RAM_1C = 288'b0, parameter [287:0] INIT_RAM_1D = 288'b0,
    parameter [287:0] INIT_RAM_1E = 288'b0, parameter [287:0] INIT_RAM_1F = 288'b0,
    parameter [287:0] INIT_RAM_20 = 288'b0, parameter [287:0] INIT_RAM_21 = 288'b0,
    parameter [287:0] INIT_RAM_22 = 288'b0, parameter [287:0] INIT_RAM_23 = 288'b0,
    parameter [287:0] INIT_RAM_24 = 288'b0, parameter [287:0] INIT_RAM_25 = 288'b0,
    parameter [287:0] INIT_RAM_26 = 288'b0, parameter [287:0] INIT_RAM_27 = 288'b0,
    parameter [287:0] INIT_RAM_28 = 288'b0, parameter [287:0] INIT_RAM_29 = 288'b0,
    parameter [287:0] INIT_RAM_2A = 288'b0, parameter [287:0] INIT_RAM_2B = 288'b0,
    parameter [287:0] INIT_RAM_2C = 288'b0, parameter [287:0] INIT_RAM_2D = 288'b0,
    parameter [287:0] INIT_RAM_2E = 288'b0, parameter [287:0] INIT_RAM_2F = 288'b0,
    parameter [287:0] INIT_RAM_30 = 288'b0, parameter [287:0] INIT_RAM_31 = 288'b0,
    parameter [287:0] INIT_RAM_32 = 288'b0, parameter [287:0] INIT_RAM_33 = 288'b0,
    parameter [287:0] INIT_RAM_34 = 288'b0, parameter [287:0] INIT_RAM_35 = 288'b0,
    parameter [287:0] INIT_RAM_36 = 288'b0, parameter [287:0] INIT_RAM_37 = 288'b0,
    parameter [287:0] INIT_RAM_38 = 288'b0, parameter [287:0] INIT_RAM_39 = 288'b0,
    parameter [287:0] INIT_RAM_3A = 288'b0, parameter [287:0] INIT_RAM_3B = 288'b0,
    parameter [287:0] INIT_RAM_3C = 288'b0, parameter [287:0] INIT_RAM_3D = 288'b0,
    parameter [287:0] INIT_RAM_3E = 288'b0, parameter [287:0] INIT_RAM_3F = 288'b0,
    parameter BIT_WIDTH = 0, parameter WRITE_MODE = 0, parameter READ_MODE = 0, parameter BLK_SEL = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLK, CE, OCE, RESET, WRE, input [2:0] BLKSEL, input [13:0] AD, input [35:0] DI,
    output [35:0] DO
);
    wire [35:0] shown, unused;
    assign DO = shown[35:0];
    BlockRam #(.WIDTH_A(BIT_WIDTH), .MODE_A(WRITE_MODE)) ram (
        .CLK(CLK), .CEA(CE), .WREA(WRE), .ADA(AD), .DIA(36'(DI)), .DOA(shown),
        .CEB(1'b0), .WREB(1'b0), .ADB(14'b0), .DIB(36'b0), .DOB(unused)
    );
    always @(posedge CLK) if (!OCE || RESET || BLKSEL != 0) $stop;
    localparam [287:0] ANY_INIT =
        INIT_RAM_00 | INIT_RAM_01 | INIT_RAM_02 | INIT_RAM_03 |
        INIT_RAM_04 | INIT_RAM_05 | INIT_RAM_06 | INIT_RAM_07 |
        INIT_RAM_08 | INIT_RAM_09 | INIT_RAM_0A | INIT_RAM_0B |
        INIT_RAM_0C | INIT_RAM_0D | INIT_RAM_0E | INIT_RAM_0F |
        INIT_RAM_10 | INIT_RAM_11 | INIT_RAM_12 | INIT_RAM_13 |
        INIT_RAM_14 | INIT_RAM_15 | INIT_RAM_16 | INIT_RAM_17 |
        INIT_RAM_18 | INIT_RAM_19 | INIT_RAM_1A | INIT_RAM_1B |
        INIT_RAM_1C | INIT_RAM_1D | INIT_RAM_1E | INIT_RAM_1F |
        INIT_RAM_20 | INIT_RAM_21 | INIT_RAM_22 | INIT_RAM_23 |
        INIT_RAM_24 | INIT_RAM_25 | INIT_RAM_26 | INIT_RAM_27 |
        INIT_RAM_28 | INIT_RAM_29 | INIT_RAM_2A | INIT_RAM_2B |
        INIT_RAM_2C | INIT_RAM_2D | INIT_RAM_2E | INIT_RAM_2F |
        INIT_RAM_30 | INIT_RAM_31 | INIT_RAM_32 | INIT_RAM_33 |
        INIT_RAM_34 | INIT_RAM_35 | INIT_RAM_36 | INIT_RAM_37 |
        INIT_RAM_38 | INIT_RAM_39 | INIT_RAM_3A | INIT_RAM_3B |
        INIT_RAM_3C | INIT_RAM_3D | INIT_RAM_3E | INIT_RAM_3F;
    initial if (ANY_INIT != 0 || READ_MODE != 0 || BLK_SEL != 0) $stop;
endmodule

module SDPB #(
    parameter [255:0] INIT_RAM_00 = 256'b0, parameter [255:0] INIT_RAM_01 = 256'b0,
    parameter [255:0] INIT_RAM_02 = 256'b0, parameter [255:0] INIT_RAM_03 = 256'b0,
    parameter [255:0] INIT_RAM_04 = 256'b0, parameter [255:0] INIT_RAM_05 = 256'b0,
    parameter [255:0] INIT_RAM_06 = 256'b0, parameter [255:0] INIT_RAM_07 = 256'b0,
    parameter [255:0] INIT_RAM_08 = 256'b0, parameter [255:0] INIT_RAM_09 = 256'b0,
    parameter [255:0] INIT_RAM_0A = 256'b0, parameter [255:0] INIT_RAM_0B = 256'b0,
    parameter [255:0] INIT_RAM_0C = 256'b0, parameter [255:0] INIT_RAM_0D = 256'b0,
    parameter [255:0] INIT_RAM_0E = 256'b0, parameter [255:0] INIT_RAM_0F = 256'b0,
    parameter [255:0] INIT_RAM_10 = 256'b0, parameter [255:0] INIT_RAM_11 = 256'b0,
    parameter [255:0] INIT_RAM_12 = 256'b0, parameter [255:0] INIT_RAM_13 = 256'b0,
    parameter [255:0] INIT_RAM_14 = 256'b0, parameter [255:0] INIT_RAM_15 = 256'b0,
    parameter [255:0] INIT_RAM_16 = 256'b0, parameter [255:0] INIT_RAM_17 = 256'b0,
    parameter [255:0] INIT_RAM_18 = 256'b0, parameter [255:0] INIT_RAM_19 = 256'b0,
    parameter [255:0] INIT_RAM_1A = 256'b0, parameter [255:0] INIT_RAM_1B = 256'b0,
    parameter [255:0] INIT_RAM_1C = 256'b0, parameter [255:0] INIT_RAM_1D = 256'b0,
    parameter [255:0] INIT_RAM_1E = 256'b0, parameter [255:0] INIT_RAM_1F = 256'b0,
    parameter [255:0] INIT_RAM_20 = 256'b0, parameter [255:0] INIT_RAM_21 = 256'b0,
    parameter [255:0] INIT_RAM_22 = 256'b0, parameter [255:0] INIT_RAM_23 = 256'b0,
    parameter [255:0] INIT_RAM_24 = 256'b0, parameter [255:0] INIT_RAM_25 = 256'b0,
    parameter [255:0] INIT_RAM_26 = 256'b0, parameter [255:0] INIT_RAM_27 = 256'b0,
    parameter [255:0] INIT_RAM_28 = 256'b0, parameter [255:0] INIT_RAM_29 = 256'b0,
    parameter [255:0] INIT_RAM_2A = 256'b0, parameter [255:0] INIT_RAM_2B = 256'b0,
    parameter [255:0] INIT_RAM_2C = 256'b0, parameter [255:0] INIT_RAM_2D = 256'b0,
    parameter [255:0] INIT_RAM_2E = 256'b0, parameter [255:0] INIT_RAM_2F = 256'b0,
    parameter [255:0] INIT_RAM_30 = 256'b0, parameter [255:0] INIT_RAM_31 = 256'b0,
    parameter [255:0] INIT_RAM_32 = 256'b0, parameter [255:0] INIT_RAM_33 = 256'b0,
    parameter [255:0] INIT_RAM_34 = 256'b0, parameter [255:0] INIT_RAM_35 = 256'b0,
    parameter [255:0] INIT_RAM_36 = 256'b0, parameter [255:0] INIT_RAM_37 = 256'b0,
    parameter [255:0] INIT_RAM_38 = 256'b0, parameter [255:0] INIT_RAM_39 = 256'b0,
    parameter [255:0] INIT_RAM_3A = 256'b0, parameter [255:0] INIT_RAM_3B = 256'b0,
    parameter [255:0] INIT_RAM_3C = 256'b0, parameter [255:0] INIT_RAM_3D = 256'b0,
    parameter [255:0] INIT_RAM_3E = 256'b0, parameter [255:0] INIT_RAM_3F = 256'b0,
    parameter BIT_WIDTH_0 = 0, parameter BIT_WIDTH_1 = 0, parameter READ_MODE = 0, parameter BLK_SEL_0 = 0, parameter BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CLKB, CEA, CEB, OCE, RESET, input [2:0] BLKSELA, BLKSELB, input [13:0] ADA, ADB,
    input [31:0] DI, output [31:0] DO
);
    wire [35:0] shown, unused;
    assign DO = shown[31:0];
    BlockRam #(.WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1)) ram (
        .CLK(CLKA), .CEA(CEA), .WREA(1'b1), .ADA(ADA), .DIA(36'(DI)), .DOA(unused),
        .CEB(CEB), .WREB(1'b0), .ADB(ADB), .DIB(36'b0), .DOB(shown)
    );
    always @(posedge CLKA) if (!OCE || RESET || BLKSELA != 0 || BLKSELB != 0) $stop;
    localparam [255:0] ANY_INIT =
        INIT_RAM_00 | INIT_RAM_01 | INIT_RAM_02 | INIT_RAM_03 |
        INIT_RAM_04 | INIT_RAM_05 | INIT_RAM_06 | INIT_RAM_07 |
        INIT_RAM_08 | INIT_RAM_09 | INIT_RAM_0A | INIT_RAM_0B |
        INIT_RAM_0C | INIT_RAM_0D | INIT_RAM_0E | INIT_RAM_0F |
        INIT_RAM_10 | INIT_RAM_11 | INIT_RAM_12 | INIT_RAM_13 |
        INIT_RAM_14 | INIT_RAM_15 | INIT_RAM_16 | INIT_RAM_17 |
        INIT_RAM_18 | INIT_RAM_19 | INIT_RAM_1A | INIT_RAM_1B |
        INIT_RAM_1C | INIT_RAM_1D | INIT_RAM_1E | INIT_RAM_1F |
        INIT_RAM_20 | INIT_RAM_21 | INIT_RAM_22 | INIT_RAM_23 |
        INIT_RAM_24 | INIT_RAM_25 | INIT_RAM_26 | INIT_RAM_27 |
        INIT_RAM_28 | INIT_RAM_29 | INIT_RAM_2A | INIT_RAM_2B |
        INIT_RAM_2C | INIT_RAM_2D | INIT_RAM_2E | INIT_RAM_2F |
        INIT_RAM_30 | INIT_RAM_31 | INIT_RAM_32 | INIT_RAM_33 |
        INIT_RAM_34 | INIT_RAM_35 | INIT_RAM_36 | INIT_RAM_37 |
        INIT_RAM_38 | INIT_RAM_39 | INIT_RAM_3A | INIT_RAM_3B |
        INIT_RAM_3C | INIT_RAM_3D | INIT_RAM_3E | INIT_RAM_3F;
    initial if (ANY_INIT != 0 || READ_MODE != 0 || BLK_SEL_0 != 0 || BLK_SEL_1 != 0) $stop;
endmodule

module SDPX9B #(
    parameter [287:0] INIT_RAM_00 = 288'b0, parameter [287:0] INIT_RAM_01 = 288'b0,
    parameter [287:0] INIT_RAM_02 = 288'b0, parameter [287:0] INIT_RAM_03 = 288'b0,
    parameter [287:0] INIT_RAM_04 = 288'b0, parameter [287:0] INIT_RAM_05 = 288'b0,
    parameter [287:0] INIT_RAM_06 = 288'b0, parameter [287:0] INIT_RAM_07 = 288'b0,
    parameter [287:0] INIT_RAM_08 = 288'b0, parameter [287:0] INIT_RAM_09 = 288'b0,
    parameter [287:0] INIT_RAM_0A = 288'b0, parameter [287:0] INIT_RAM_0B = 288'b0,
    parameter [287:0] INIT_RAM_0C = 288'b0, parameter [287:0] INIT_RAM_0D = 288'b0,
    parameter [287:0] INIT_RAM_0E = 288'b0, parameter [287:0] INIT_RAM_0F = 288'b0,
    parameter [287:0] INIT_RAM_10 = 288'b0, parameter [287:0] INIT_RAM_11 = 288'b0,
    parameter [287:0] INIT_RAM_12 = 288'b0, parameter [287:0] INIT_RAM_13 = 288'b0,
    parameter [287:0] INIT_RAM_14 = 288'b0, parameter [287:0] INIT_RAM_15 = 288'b0,
    parameter [287:0] INIT_RAM_16 = 288'b0, parameter [287:0] INIT_RAM_17 = 288'b0,
    parameter [287:0] INIT_RAM_18 = 288'b0, parameter [287:0] INIT_RAM_19 = 288'b0,
    parameter [287:0] INIT_RAM_1A = 288'b0, parameter [287:0] INIT_RAM_1B = 288'b0,
    parameter [287:0] INIT_RAM_1C = 288'b0, parameter [287:0] INIT_RAM_1D = 288'b0,
    parameter [287:0] INIT_RAM_1E = 288'b0, parameter [287:0] INIT_RAM_1F = 288'b0,
    parameter [287:0] INIT_RAM_20 = 288'b0, parameter [287:0] INIT_RAM_21 = 288'b0,
    parameter [287:0] INIT_RAM_22 = 288'b0, parameter [287:0] INIT_RAM_23 = 288'b0,
    parameter [287:0] INIT_RAM_24 = 288'b0, parameter [287:0] INIT_RAM_25 = 288'b0,
    parameter [287:0] INIT_RAM_26 = 288'b0, parameter [287:0] INIT_RAM_27 = 288'b0,
    parameter [287:0] INIT_RAM_28 = 288'b0, parameter [287:0] INIT_RAM_29 = 288'b0,
    parameter [287:0] INIT_RAM_2A = 288'b0, parameter [287:0] INIT_RAM_2B = 288'b0,
    parameter [287:0] INIT_RAM_2C = 288'b0, parameter [287:0] INIT_RAM_2D = 288'b0,
    parameter [287:0] INIT_RAM_2E = 288'b0, parameter [287:0] INIT_RAM_2F = 288'b0,
    parameter [287:0] INIT_RAM_30 = 288'b0, parameter [287:0] INIT_RAM_31 = 288'b0,
    parameter [287:0] INIT_RAM_32 = 288'b0, parameter [287:0] INIT_RAM_33 = 288'b0,
    parameter [287:0] INIT_RAM_34 = 288'b0, parameter [287:0] INIT_RAM_35 = 288'b0,
    parameter [287:0] INIT_RAM_36 = 288'b0, parameter [287:0] INIT_RAM_37 = 288'b0,
    parameter [287:0] INIT_RAM_38 = 288'b0, parameter [287:0] INIT_RAM_39 = 288'b0,
    parameter [287:0] INIT_RAM_3A = 288'b0, parameter [287:0] INIT_RAM_3B = 288'b0,
    parameter [287:0] INIT_RAM_3C = 288'b0, parameter [287:0] INIT_RAM_3D = 288'b0,
    parameter [287:0] INIT_RAM_3E = 288'b0, parameter [287:0] INIT_RAM_3F = 288'b0,
    parameter BIT_WIDTH_0 = 0, parameter BIT_WIDTH_1 = 0, parameter READ_MODE = 0, parameter BLK_SEL_0 = 0, parameter BLK_SEL_1 = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLKA, CLKB, CEA, CEB, OCE, RESET, input [2:0] BLKSELA, BLKSELB, input [13:0] ADA, ADB,
    input [35:0] DI, output [35:0] DO
);
    wire [35:0] shown, unused;
    assign DO = shown[35:0];
    BlockRam #(.WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1)) ram (
        .CLK(CLKA), .CEA(CEA), .WREA(1'b1), .ADA(ADA), .DIA(36'(DI)), .DOA(unused),
        .CEB(CEB), .WREB(1'b0), .ADB(ADB), .DIB(36'b0), .DOB(shown)
    );
    always @(posedge CLKA) if (!OCE || RESET || BLKSELA != 0 || BLKSELB != 0) $stop;
    localparam [287:0] ANY_INIT =
        INIT_RAM_00 | INIT_RAM_01 | INIT_RAM_02 | INIT_RAM_03 |
        INIT_RAM_04 | INIT_RAM_05 | INIT_RAM_06 | INIT_RAM_07 |
        INIT_RAM_08 | INIT_RAM_09 | INIT_RAM_0A | INIT_RAM_0B |
        INIT_RAM_0C | INIT_RAM_0D | INIT_RAM_0E | INIT_RAM_0F |
        INIT_RAM_10 | INIT_RAM_11 | INIT_RAM_12 | INIT_RAM_13 |
        INIT_RAM_14 | INIT_RAM_15 | INIT_RAM_16 | INIT_RAM_17 |
        INIT_RAM_18 | INIT_RAM_19 | INIT_RAM_1A | INIT_RAM_1B |
        INIT_RAM_1C | INIT_RAM_1D | INIT_RAM_1E | INIT_RAM_1F |
        INIT_RAM_20 | INIT_RAM_21 | INIT_RAM_22 | INIT_RAM_23 |
        INIT_RAM_24 | INIT_RAM_25 | INIT_RAM_26 | INIT_RAM_27 |
        INIT_RAM_28 | INIT_RAM_29 | INIT_RAM_2A | INIT_RAM_2B |
        INIT_RAM_2C | INIT_RAM_2D | INIT_RAM_2E | INIT_RAM_2F |
        INIT_RAM_30 | INIT_RAM_31 | INIT_RAM_32 | INIT_RAM_33 |
        INIT_RAM_34 | INIT_RAM_35 | INIT_RAM_36 | INIT_RAM_37 |
        INIT_RAM_38 | INIT_RAM_39 | INIT_RAM_3A | INIT_RAM_3B |
        INIT_RAM_3C | INIT_RAM_3D | INIT_RAM_3E | INIT_RAM_3F;
    initial if (ANY_INIT != 0 || READ_MODE != 0 || BLK_SEL_0 != 0 || BLK_SEL_1 != 0) $stop;
endmodule

module SP #(
    parameter [255:0] INIT_RAM_00 = 256'b0, parameter [255:0] INIT_RAM_01 = 256'b0,
    parameter [255:0] INIT_RAM_02 = 256'b0, parameter [255:0] INIT_RAM_03 = 256'b0,
    parameter [255:0] INIT_RAM_04 = 256'b0, parameter [255:0] INIT_RAM_05 = 256'b0,
    parameter [255:0] INIT_RAM_06 = 256'b0, parameter [255:0] INIT_RAM_07 = 256'b0,
    parameter [255:0] INIT_RAM_08 = 256'b0, parameter [255:0] INIT_RAM_09 = 256'b0,
    parameter [255:0] INIT_RAM_0A = 256'b0, parameter [255:0] INIT_RAM_0B = 256'b0,
    parameter [255:0] INIT_RAM_0C = 256'b0, parameter [255:0] INIT_RAM_0D = 256'b0,
    parameter [255:0] INIT_RAM_0E = 256'b0, parameter [255:0] INIT_RAM_0F = 256'b0,
    parameter [255:0] INIT_RAM_10 = 256'b0, parameter [255:0] INIT_RAM_11 = 256'b0,
    parameter [255:0] INIT_RAM_12 = 256'b0, parameter [255:0] INIT_RAM_13 = 256'b0,
    parameter [255:0] INIT_RAM_14 = 256'b0, parameter [255:0] INIT_RAM_15 = 256'b0,
    parameter [255:0] INIT_RAM_16 = 256'b0, parameter [255:0] INIT_RAM_17 = 256'b0,
    parameter [255:0] INIT_RAM_18 = 256'b0, parameter [255:0] INIT_RAM_19 = 256'b0,
    parameter [255:0] INIT_RAM_1A = 256'b0, parameter [255:0] INIT_RAM_1B = 256'b0,
    parameter [255:0] INIT_RAM_1C = 256'b0, parameter [255:0] INIT_RAM_1D = 256'b0,
    parameter [255:0] INIT_RAM_1E = 256'b0, parameter [255:0] INIT_RAM_1F = 256'b0,
    parameter [255:0] INIT_RAM_20 = 256'b0, parameter [255:0] INIT_RAM_21 = 256'b0,
    parameter [255:0] INIT_RAM_22 = 256'b0, parameter [255:0] INIT_RAM_23 = 256'b0,
    parameter [255:0] INIT_RAM_24 = 256'b0, parameter [255:0] INIT_RAM_25 = 256'b0,
    parameter [255:0] INIT_RAM_26 = 256'b0, parameter [255:0] INIT_RAM_27 = 256'b0,
    parameter [255:0] INIT_RAM_28 = 256'b0, parameter [255:0] INIT_RAM_29 = 256'b0,
    parameter [255:0] INIT_RAM_2A = 256'b0, parameter [255:0] INIT_RAM_2B = 256'b0,
    parameter [255:0] INIT_RAM_2C = 256'b0, parameter [255:0] INIT_RAM_2D = 256'b0,
    parameter [255:0] INIT_RAM_2E = 256'b0, parameter [255:0] INIT_RAM_2F = 256'b0,
    parameter [255:0] INIT_RAM_30 = 256'b0, parameter [255:0] INIT_RAM_31 = 256'b0,
    parameter [255:0] INIT_RAM_32 = 256'b0, parameter [255:0] INIT_RAM_33 = 256'b0,
    parameter [255:0] INIT_RAM_34 = 256'b0, parameter [255:0] INIT_RAM_35 = 256'b0,
    parameter [255:0] INIT_RAM_36 = 256'b0, parameter [255:0] INIT_RAM_37 = 256'b0,
    parameter [255:0] INIT_RAM_38 = 256'b0, parameter [255:0] INIT_RAM_39 = 256'b0,
    parameter [255:0] INIT_RAM_3A = 256'b0, parameter [255:0] INIT_RAM_3B = 256'b0,
    parameter [255:0] INIT_RAM_3C = 256'b0, parameter [255:0] INIT_RAM_3D = 256'b0,
    parameter [255:0] INIT_RAM_3E = 256'b0, parameter [255:0] INIT_RAM_3F = 256'b0,
    parameter BIT_WIDTH = 0, parameter WRITE_MODE = 0, parameter READ_MODE = 0, parameter BLK_SEL = 0,
    parameter RESET_MODE = "SYNC"
) (
    input CLK, CE, OCE, RESET, WRE, input [2:0] BLKSEL, input [13:0] AD, input [31:0] DI,
    output [31:0] DO
);
    wire [35:0] shown, unused;
    assign DO = shown[31:0];
    BlockRam #(.WIDTH_A(BIT_WIDTH), .MODE_A(WRITE_MODE)) ram (
        .CLK(CLK), .CEA(CE), .WREA(WRE), .ADA(AD), .DIA(36'(DI)), .DOA(shown),
        .CEB(1'b0), .WREB(1'b0), .ADB(14'b0), .DIB(36'b0), .DOB(unused)
    );
    always @(posedge CLK) if (!OCE || RESET || BLKSEL != 0) $stop;
    localparam [255:0] ANY_INIT =
        INIT_RAM_00 | INIT_RAM_01 | INIT_RAM_02 | INIT_RAM_03 |
        INIT_RAM_04 | INIT_RAM_05 | INIT_RAM_06 | INIT_RAM_07 |
        INIT_RAM_08 | INIT_RAM_09 | INIT_RAM_0A | INIT_RAM_0B |
        INIT_RAM_0C | INIT_RAM_0D | INIT_RAM_0E | INIT_RAM_0F |
        INIT_RAM_10 | INIT_RAM_11 | INIT_RAM_12 | INIT_RAM_13 |
        INIT_RAM_14 | INIT_RAM_15 | INIT_RAM_16 | INIT_RAM_17 |
        INIT_RAM_18 | INIT_RAM_19 | INIT_RAM_1A | INIT_RAM_1B |
        INIT_RAM_1C | INIT_RAM_1D | INIT_RAM_1E | INIT_RAM_1F |
        INIT_RAM_20 | INIT_RAM_21 | INIT_RAM_22 | INIT_RAM_23 |
        INIT_RAM_24 | INIT_RAM_25 | INIT_RAM_26 | INIT_RAM_27 |
        INIT_RAM_28 | INIT_RAM_29 | INIT_RAM_2A | INIT_RAM_2B |
        INIT_RAM_2C | INIT_RAM_2D | INIT_RAM_2E | INIT_RAM_2F |
        INIT_RAM_30 | INIT_RAM_31 | INIT_RAM_32 | INIT_RAM_33 |
        INIT_RAM_34 | INIT_RAM_35 | INIT_RAM_36 | INIT_RAM_37 |
        INIT_RAM_38 | INIT_RAM_39 | INIT_RAM_3A | INIT_RAM_3B |
        INIT_RAM_3C | INIT_RAM_3D | INIT_RAM_3E | INIT_RAM_3F;
    initial if (ANY_INIT != 0 || READ_MODE != 0 || BLK_SEL != 0) $stop;
endmodule
