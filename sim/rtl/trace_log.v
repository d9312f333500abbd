// Writes each valid beat of a stream to +trace_dir=DIR as DIR/NAME.hex. Simulation only.
//
// A line a beat, hexadecimal: "CYCLE DATA". Without +trace_dir it does nothing. Read the file with
// sim.memory_file.read_trace.
module trace_log #(
    parameter WIDTH = 32,
    parameter NAME = "trace"
) (
    input             clk,
    input             valid,
    input [WIDTH-1:0] data,
    input [31:0]      cycle
);
    string  folder;
    integer file = 0;

    initial begin
        if ($value$plusargs("trace_dir=%s", folder)) begin
            file = $fopen({folder, "/", NAME, ".hex"}, "w");
            if (file == 0) $fatal(1, "trace_log: cannot write %s/%s.hex", folder, NAME);
        end
    end
    always @(posedge clk) if (valid && file != 0) $fwrite(file, "%h %h\n", cycle, data);
    final if (file != 0) $fclose(file);
endmodule
