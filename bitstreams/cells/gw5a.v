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

module DFFE (input CLK, D, CE, output reg Q);
    initial Q = 0;
    always @(posedge CLK) if (CE) Q <= D;
endmodule

module DFFR (input CLK, D, RESET, output reg Q);
    initial Q = 0;
    always @(posedge CLK) Q <= !RESET && D;
endmodule

module DFFRE (input CLK, D, CE, RESET, output reg Q);
    initial Q = 0;
    always @(posedge CLK)
        if (RESET) Q <= 0;
        else if (CE) Q <= D;
endmodule

module DFFS (input CLK, D, SET, output reg Q);
    initial Q = 1;
    always @(posedge CLK) Q <= SET || D;
endmodule

module DFFSE (input CLK, D, CE, SET, output reg Q);
    initial Q = 1;
    always @(posedge CLK)
        if (SET) Q <= 1;
        else if (CE) Q <= D;
endmodule

// 27 x 18 bits, signed, its registers bypassed and nothing added: as synthesis uses it.
`define REGISTER(name) \
    parameter ``name``_CLK = "BYPASS", ``name``_CE = "CE0", ``name``_RESET = "RESET0"
`define CLOCKED(name) (``name``_CLK != "BYPASS")
module MULTALU27X18 #(
    `REGISTER(AREG), `REGISTER(BREG), `REGISTER(DREG), `REGISTER(C_IREG), `REGISTER(PSEL_IREG),
    `REGISTER(PADDSUB_IREG), `REGISTER(ADDSUB0_IREG), `REGISTER(ADDSUB1_IREG), `REGISTER(CSEL_IREG),
    `REGISTER(CASISEL_IREG), `REGISTER(ACCSEL_IREG), `REGISTER(PREG), `REGISTER(ADDSUB0_PREG),
    `REGISTER(ADDSUB1_PREG), `REGISTER(CSEL_PREG), `REGISTER(CASISEL_PREG), `REGISTER(ACCSEL_PREG),
    `REGISTER(C_PREG), `REGISTER(OREG),
    parameter FB_PREG_EN = "FALSE", SOA_PREG_EN = "FALSE", MULT_RESET_MODE = "SYNC",
    parameter [47:0] PRE_LOAD = 0,
    parameter DYN_P_SEL = "FALSE", DYN_P_ADDSUB = "FALSE", DYN_A_SEL = "FALSE",
    parameter DYN_ADD_SUB_0 = "FALSE", DYN_ADD_SUB_1 = "FALSE", DYN_C_SEL = "FALSE",
    parameter DYN_CASI_SEL = "FALSE", DYN_ACC_SEL = "FALSE", MULT12X12_EN = "FALSE",
    parameter [0:0] P_SEL = 0, P_ADDSUB = 0, A_SEL = 0, ADD_SUB_0 = 0, ADD_SUB_1 = 0, C_SEL = 1,
    parameter [0:0] CASI_SEL = 0, ACC_SEL = 0
) (
    output [47:0] DOUT, CASO, output [26:0] SOA,
    input [26:0] A, SIA, input [17:0] B, input [47:0] C, CASI, input [25:0] D,
    input ACCSEL, PSEL, ASEL, PADDSUB, CSEL, CASISEL, input [1:0] ADDSUB, CLK, CE, RESET
);
    wire signed [26:0] left = A;
    wire signed [17:0] right = B;
    assign DOUT = left * right;
    assign CASO = 0;
    assign SOA = 0;
    initial if (
        `CLOCKED(AREG) || `CLOCKED(BREG) || `CLOCKED(DREG) || `CLOCKED(C_IREG) ||
        `CLOCKED(PSEL_IREG) || `CLOCKED(PADDSUB_IREG) || `CLOCKED(ADDSUB0_IREG) ||
        `CLOCKED(ADDSUB1_IREG) || `CLOCKED(CSEL_IREG) || `CLOCKED(CASISEL_IREG) ||
        `CLOCKED(ACCSEL_IREG) || `CLOCKED(PREG) || `CLOCKED(ADDSUB0_PREG) ||
        `CLOCKED(ADDSUB1_PREG) || `CLOCKED(CSEL_PREG) || `CLOCKED(CASISEL_PREG) ||
        `CLOCKED(ACCSEL_PREG) || `CLOCKED(C_PREG) || `CLOCKED(OREG) || FB_PREG_EN != "FALSE" ||
        SOA_PREG_EN != "FALSE" || DYN_P_SEL != "FALSE" || DYN_P_ADDSUB != "FALSE" ||
        DYN_A_SEL != "FALSE" || DYN_ADD_SUB_0 != "FALSE" || DYN_ADD_SUB_1 != "FALSE" ||
        DYN_C_SEL != "FALSE" || DYN_CASI_SEL != "FALSE" || DYN_ACC_SEL != "FALSE" ||
        MULT12X12_EN != "FALSE" || P_SEL || P_ADDSUB || A_SEL || ADD_SUB_0 || ADD_SUB_1 || C_SEL ||
        CASI_SEL || ACC_SEL
    ) $stop;
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

// The content of a block RAM at power-up, 64 parameters; ours begins with zeros.
`define INIT_ROW(bits, row) \
    parameter [bits-1:0] INIT_RAM_``row``0 = 0, INIT_RAM_``row``1 = 0, INIT_RAM_``row``2 = 0, \
    INIT_RAM_``row``3 = 0, INIT_RAM_``row``4 = 0, INIT_RAM_``row``5 = 0, INIT_RAM_``row``6 = 0, \
    INIT_RAM_``row``7 = 0, INIT_RAM_``row``8 = 0, INIT_RAM_``row``9 = 0, INIT_RAM_``row``A = 0, \
    INIT_RAM_``row``B = 0, INIT_RAM_``row``C = 0, INIT_RAM_``row``D = 0, INIT_RAM_``row``E = 0, \
    INIT_RAM_``row``F = 0
`define INIT_RAMS(bits) \
    `INIT_ROW(bits, 0), `INIT_ROW(bits, 1), `INIT_ROW(bits, 2), `INIT_ROW(bits, 3)
`define ANY_IN_ROW(row) \
    INIT_RAM_``row``0 != 0 || INIT_RAM_``row``1 != 0 || INIT_RAM_``row``2 != 0 || \
    INIT_RAM_``row``3 != 0 || INIT_RAM_``row``4 != 0 || INIT_RAM_``row``5 != 0 || \
    INIT_RAM_``row``6 != 0 || INIT_RAM_``row``7 != 0 || INIT_RAM_``row``8 != 0 || \
    INIT_RAM_``row``9 != 0 || INIT_RAM_``row``A != 0 || INIT_RAM_``row``B != 0 || \
    INIT_RAM_``row``C != 0 || INIT_RAM_``row``D != 0 || INIT_RAM_``row``E != 0 || \
    INIT_RAM_``row``F != 0
`define ANY_INIT \
    `ANY_IN_ROW(0) || `ANY_IN_ROW(1) || `ANY_IN_ROW(2) || `ANY_IN_ROW(3)

module SPX9 #(
    `INIT_RAMS(288),
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
    initial if (`ANY_INIT || READ_MODE != 0 || BLK_SEL != 0) $stop;
endmodule

module SDPB #(
    `INIT_RAMS(256),
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
    initial if (`ANY_INIT || READ_MODE != 0 || BLK_SEL_0 != 0 || BLK_SEL_1 != 0) $stop;
endmodule

module SDPX9B #(
    `INIT_RAMS(288),
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
    initial if (`ANY_INIT || READ_MODE != 0 || BLK_SEL_0 != 0 || BLK_SEL_1 != 0) $stop;
endmodule

module SP #(
    `INIT_RAMS(256),
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
    initial if (`ANY_INIT || READ_MODE != 0 || BLK_SEL != 0) $stop;
endmodule
