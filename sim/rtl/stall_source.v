// Random stalls, one bit a unit. Simulation only.
//
// +stall_mask=HEX names the bits that may stall (default none), +stall_seed=N the sequence. A bit
// is high in about a third of the cycles, and now and then for up to 31 cycles in a row.
module stall_source #(
    parameter WIDTH = 8
) (
    input                  clk,
    output reg [WIDTH-1:0] stall
);
    reg [WIDTH-1:0] mask;
    integer         seed;
    reg [31:0]      draw;
    reg [4:0]       left [0:WIDTH-1];
    integer         i;

    initial begin
        mask = 0;
        seed = 1;
        stall = 0;
        for (i = 0; i < WIDTH; i = i + 1) left[i] = 0;
        if ($value$plusargs("stall_mask=%h", mask)) begin end
        if ($value$plusargs("stall_seed=%d", seed)) begin end
        draw = 32'h9E3779B9 ^ {seed[15:0], seed[31:16]};
    end
    // One draw after another within a cycle: a variable, not a register.
    /* verilator lint_off BLKSEQ */
    always @(posedge clk) if (mask != 0) begin
        for (i = 0; i < WIDTH; i = i + 1) begin
            // xorshift32: the same sequence on every machine.
            draw = draw ^ (draw << 13);
            draw = draw ^ (draw >> 17);
            draw = draw ^ (draw << 5);
            if (left[i] != 0) left[i] <= left[i] - 1;
            else if (draw[15:8] == 0) left[i] <= draw[4:0];
            stall[i] <= mask[i] && (left[i] != 0 || draw[30:24] < 43);
        end
    end
    /* verilator lint_on BLKSEQ */
endmodule
