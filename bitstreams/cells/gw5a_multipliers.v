// What `mul2dsp` makes of a product, as a GW5A's DSP (Gowin UG305): 27 x 18 bits, signed.  Its
// registers are bypassed, as the design's are in the fabric, and nothing is added to the product.
// The packer sets what it is told of, so it is told of everything, defaults too.
`define BYPASSED(register) \
    .``register``_CLK("BYPASS"), .``register``_CE("CE0"), .``register``_RESET("RESET0")

module \$__MUL27X18 (A, B, Y);
    parameter A_SIGNED = 1, B_SIGNED = 1, A_WIDTH = 27, B_WIDTH = 18, Y_WIDTH = 45;
    input [A_WIDTH-1:0] A;
    input [B_WIDTH-1:0] B;
    output [Y_WIDTH-1:0] Y;
    wire [47:0] product;
    MULTALU27X18 #(
        `BYPASSED(AREG), `BYPASSED(BREG), `BYPASSED(DREG), `BYPASSED(C_IREG), `BYPASSED(PSEL_IREG),
        `BYPASSED(PADDSUB_IREG), `BYPASSED(ADDSUB0_IREG), `BYPASSED(ADDSUB1_IREG),
        `BYPASSED(CSEL_IREG), `BYPASSED(CASISEL_IREG), `BYPASSED(ACCSEL_IREG), `BYPASSED(PREG),
        `BYPASSED(ADDSUB0_PREG), `BYPASSED(ADDSUB1_PREG), `BYPASSED(CSEL_PREG),
        `BYPASSED(CASISEL_PREG), `BYPASSED(ACCSEL_PREG), `BYPASSED(C_PREG), `BYPASSED(OREG),
        .FB_PREG_EN("FALSE"), .SOA_PREG_EN("FALSE"), .MULT_RESET_MODE("SYNC"), .PRE_LOAD(48'b0),
        .DYN_P_SEL("FALSE"), .P_SEL(1'b0), .DYN_P_ADDSUB("FALSE"), .P_ADDSUB(1'b0),
        .DYN_A_SEL("FALSE"), .A_SEL(1'b0), .DYN_ADD_SUB_0("FALSE"), .ADD_SUB_0(1'b0),
        .DYN_ADD_SUB_1("FALSE"), .ADD_SUB_1(1'b0), .DYN_C_SEL("FALSE"), .C_SEL(1'b0),
        .DYN_CASI_SEL("FALSE"), .CASI_SEL(1'b0), .DYN_ACC_SEL("FALSE"), .ACC_SEL(1'b0),
        .MULT12X12_EN("FALSE")
    ) _TECHMAP_REPLACE_ (
        .A(A), .B(B), .DOUT(product), .C(48'b0), .D(26'b0), .SIA(27'b0), .CASI(48'b0),
        .ACCSEL(1'b0), .PSEL(1'b0), .ASEL(1'b0), .PADDSUB(1'b0), .CSEL(1'b0), .CASISEL(1'b0),
        .ADDSUB(2'b0), .CLK(2'b0), .CE(2'b0), .RESET(2'b0)
    );
    assign Y = product;
endmodule
