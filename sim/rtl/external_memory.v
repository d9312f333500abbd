// External memory behind the accelerator's memory port. Simulation only.
//
// A request names a burst: `req_beats` (1 to 65535) beats of WIDTH bits from beat `req_address`.
// Up to QUEUE requests wait, and are served strictly in order; one beat moves a cycle, read or
// written. The first beat of a read can be taken LATENCY cycles after the cycle in which its
// request was accepted; the latencies of queued requests overlap, so bursts follow each other
// without a bubble. `w_ready` comes with the cycle after the request.
//
// `stall` holds back the answer of this cycle (r_valid or w_ready); an offered read beat stays.
//
// Plusargs: +memory=FILE loads hexadecimal contents ($readmemh; the rest is 0);
//           +dump=FILE writes them at the end, +dump_beats=N only the first N beats.
module external_memory #(
    parameter WIDTH = 128,
    parameter DEPTH = 65536,
    parameter LATENCY = 16,
    parameter QUEUE = 8
) (
    input              clk,
    input              rst,
    input              stall,

    input              req_valid,
    output             req_ready,
    input              req_write,
    input      [31:0]  req_address,
    input      [15:0]  req_beats,

    input              w_valid,
    output             w_ready,
    input  [WIDTH-1:0] w_data,

    output             r_valid,
    input              r_ready,
    output [WIDTH-1:0] r_data,

    output reg [63:0]  beats_read,
    output reg [63:0]  beats_written
);
    localparam SLOT = $clog2(QUEUE);
    localparam ADDRESS = $clog2(DEPTH);

    reg [WIDTH-1:0] memory [0:DEPTH-1];

    // The queue of requests; the head is being served.
    reg             queue_write [0:QUEUE-1];
    reg [31:0]      queue_address [0:QUEUE-1];
    reg [15:0]      queue_beats [0:QUEUE-1];
    reg [31:0]      queue_due [0:QUEUE-1];
    reg [SLOT-1:0]  head, tail;
    reg [SLOT:0]    waiting;
    reg [31:0]      cycle;
    reg [15:0]      served;      // beats of the head that have moved
    reg             offered;     // a read beat was offered and not taken: it must stay

    wire busy = waiting != 0;
    wire due = $signed(cycle - queue_due[head]) >= 0;
    wire [31:0] address = queue_address[head] + {16'd0, served};

    assign req_ready = waiting != QUEUE;
    assign r_valid = busy && !queue_write[head] && due && (offered || !stall);
    assign w_ready = busy && queue_write[head] && !stall;
    assign r_data = memory[address[ADDRESS-1:0]];

    wire accept = req_valid && req_ready;
    wire move = (r_valid && r_ready) || (w_valid && w_ready);
    wire finish = move && served + 16'd1 == queue_beats[head];

    always @(posedge clk) begin
        cycle <= cycle + 1;
        offered <= r_valid && !r_ready;
        if (accept) begin
            queue_write[tail] <= req_write;
            queue_address[tail] <= req_address;
            queue_beats[tail] <= req_beats;
            queue_due[tail] <= cycle + LATENCY;
            tail <= tail + 1;
        end
        if (move) served <= finish ? 0 : served + 1;
        if (finish) head <= head + 1;
        waiting <= waiting + (accept ? 1 : 0) - (finish ? 1 : 0);
        if (w_valid && w_ready) memory[address[ADDRESS-1:0]] <= w_data;
        if (w_valid && w_ready) beats_written <= beats_written + 1;
        if (r_valid && r_ready) beats_read <= beats_read + 1;
        if (rst) begin
            cycle <= 0;
            offered <= 0;
            head <= 0;
            tail <= 0;
            waiting <= 0;
            served <= 0;
            beats_read <= 0;
            beats_written <= 0;
        end else if (accept && req_beats == 0) begin
            $fatal(1, "external_memory: request of 0 beats at 0x%0h; ask for 1 to 65535",
                   req_address);
        end else if (accept && {1'b0, req_address} + {17'd0, req_beats} > DEPTH) begin
            $fatal(1, "external_memory: beats 0x%0h to 0x%0h asked for, DEPTH is 0x%0h",
                   req_address, req_address + {16'd0, req_beats} - 1, DEPTH);
        end
    end

    reg [8*4096-1:0] path;
    integer beats;
    initial begin
        if ($value$plusargs("memory=%s", path)) $readmemh(path, memory);
    end
    final begin
        if (!$value$plusargs("dump_beats=%d", beats)) beats = DEPTH;
        if ($value$plusargs("dump=%s", path)) $writememh(path, memory, 0, beats - 1);
    end
endmodule
