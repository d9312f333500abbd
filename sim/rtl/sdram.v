// A 16-bit single-data-rate SDRAM that checks what is asked of it. Simulation only.
//
// It is clocked by the controller's clock: a command is sampled at the edge after the cycle in which
// the pins show it, data of a READ are on the pins in the cycle that ends CAS edges later. Times are
// compared in picoseconds, from the data sheet's figures, not in the controller's cycles. Whatever
// breaks a rule ends the simulation with the rule, the command and the cycle: commands before the
// supply is stable or out of order at power-up, in the wrong state of a bank, or too soon after
// another; refreshes too late; data pins driven from both sides.
//
// `power` low is a chip without power: its state is lost, and, unlike a chip's, its contents stay.
// The contents lie outside, a word an address {row, bank, column}: `word_address` and, for a write,
// `word_write` and `word_data` come from registers, `word` must follow before the next edge.
//
// Plusargs override the times: +t_rcd_ps=N and so on, by the names of the parameters.
module sdram #(
    parameter ROW_BITS = 13,
    parameter COLUMN_BITS = 9,
    parameter BANK_BITS = 2,
    parameter PERIOD_PS = 10000,
    parameter T_RCD_PS = 20000,
    parameter T_RP_PS = 20000,
    parameter T_RAS_PS = 45000,
    parameter T_RC_PS = 67500,
    parameter T_RRD_PS = 15000,
    parameter T_RFC_PS = 70000,
    parameter T_WR_PS = 15000,
    parameter T_MRD_PS = 15000,
    parameter REFRESH_PS = 7812500,
    parameter POWER_UP_PS = 200000000,
    parameter POWER_UP_REFRESHES = 8,
    parameter LEAST_CYCLES = 2,       // of tWR and tMRD, whatever the clock
    parameter ROW_OPEN_PS = 100000000, // a row may stay open no longer
    parameter POSTPONED = 8           // refreshes that may be owed at any time
) (
    input                    clk,
    input                    power,
    input                    clk_en,
    input                    cs,
    input                    ras,
    input                    cas,
    input                    we,
    input  [BANK_BITS-1:0]   ba,
    input  [ROW_BITS-1:0]    a,
    input  [1:0]             dqm,
    input  [15:0]            dq_i,
    input                    dq_driven,  // by the controller
    output reg [15:0]        dq_o,
    output                   dq_driving,  // dq_o is on the pins

    output reg [ROW_BITS+BANK_BITS+COLUMN_BITS-1:0] word_address,
    output reg               word_write,
    output reg [15:0]        word_data,
    input  [15:0]            word,

    output                   ready,      // initialised
    output reg [31:0]        activates,
    output reg [31:0]        refreshes,
    output reg [31:0]        words       // read and written
);
    localparam BANKS = 1 << BANK_BITS;
    localparam BURST = 8;
    localparam [63:0] NEVER = 64'd1 << 62;

    reg [63:0] t_rcd_ps, t_rp_ps, t_ras_ps, t_rc_ps, t_rrd_ps, t_rfc_ps, t_wr_ps, t_mrd_ps;
    reg [63:0] refresh_ps, power_up_ps;
    initial begin
        t_rcd_ps = T_RCD_PS; t_rp_ps = T_RP_PS; t_ras_ps = T_RAS_PS; t_rc_ps = T_RC_PS;
        t_rrd_ps = T_RRD_PS; t_rfc_ps = T_RFC_PS; t_wr_ps = T_WR_PS; t_mrd_ps = T_MRD_PS;
        refresh_ps = REFRESH_PS; power_up_ps = POWER_UP_PS;
        if ($value$plusargs("t_rcd_ps=%d", t_rcd_ps)) begin end
        if ($value$plusargs("t_rp_ps=%d", t_rp_ps)) begin end
        if ($value$plusargs("t_ras_ps=%d", t_ras_ps)) begin end
        if ($value$plusargs("t_rc_ps=%d", t_rc_ps)) begin end
        if ($value$plusargs("t_rrd_ps=%d", t_rrd_ps)) begin end
        if ($value$plusargs("t_rfc_ps=%d", t_rfc_ps)) begin end
        if ($value$plusargs("t_wr_ps=%d", t_wr_ps)) begin end
        if ($value$plusargs("t_mrd_ps=%d", t_mrd_ps)) begin end
        if ($value$plusargs("refresh_ps=%d", refresh_ps)) begin end
        if ($value$plusargs("power_up_ps=%d", power_up_ps)) begin end
    end

    reg [63:0] now;                       // picoseconds since power-up
    reg [3:0]  init_refreshes;
    reg        closed_all, configured;
    reg [2:0]  latency;
    reg [BANKS-1:0]    open;
    reg [ROW_BITS-1:0] row [0:BANKS-1];
    reg [63:0] activated [0:BANKS-1], precharged [0:BANKS-1];
    reg [63:0] written [0:BANKS-1];       // the edge of the last word written
    reg [63:0] busy_until [0:BANKS-1];    // the first edge at which PRECHARGE cuts nothing off
    reg [63:0] last_activate, last_refresh, last_mode;
    reg [63:0] owed;                      // time since the refreshes so far were due

    // One burst at a time uses the pins: a later command would cut it off, which is refused.
    reg        reading, writing;
    reg [3:0]  index;                     // its next word; READ: counted from the command's edge
    reg [BANK_BITS-1:0]   bank;
    reg [COLUMN_BITS-1:0] column;
    reg        driving, drove;            // dq_o is on the pins, or was a cycle ago
    reg [7:0]  fetched;                   // words on their way from the contents to the pins
    reg [15:0] late;                      // a word for CAS latency 3

    wire [2:0] code = {ras, cas, we};
    wire command = power && cs && code != 3'b000;
    localparam [2:0] ACTIVATE = 3'b100, READ = 3'b010, WRITE = 3'b011, PRECHARGE = 3'b101;
    localparam [2:0] REFRESH = 3'b110, SET_MODE = 3'b111;
    assign ready = configured;
    assign dq_driving = driving;

    task violation(input [8*60-1:0] text, input [63:0] since, input [63:0] least);
        $fatal(1, "sdram: %0s at %0d ps, bank %0d, code ras/cas/we %b: %0d ps, the chip wants %0d",
               text, now, ba, code, since, least);
    endtask

    // `since` is the time of an earlier edge, NEVER if there was none.
    task at_least(input [8*60-1:0] text, input [63:0] since, input [63:0] least);
        if (since != NEVER && now - since < least) violation(text, now - since, least);
    endtask

    task also_cycles(input [8*60-1:0] text, input [63:0] since);
        if (since != NEVER && now - since < LEAST_CYCLES * PERIOD_PS)
            violation(text, now - since, LEAST_CYCLES * PERIOD_PS);
    endtask

    task refuse(input [8*60-1:0] text);
        $fatal(1, "sdram: %0s at %0d ps, bank %0d, code ras/cas/we %b", text, now, ba, code);
    endtask

    task may_close(input [BANK_BITS-1:0] which);
        if (open[which]) begin
            at_least("PRECHARGE breaks tRAS", activated[which], t_ras_ps);
            at_least("PRECHARGE breaks tWR", written[which], t_wr_ps);
            also_cycles("PRECHARGE breaks tWR", written[which]);
            if (now < busy_until[which]) refuse("PRECHARGE cuts a burst off");
            if (now - activated[which] > ROW_OPEN_PS)
                violation("a row was open too long", now - activated[which], ROW_OPEN_PS);
        end
    endtask

    integer i;
    always @(posedge clk) begin
        now <= now + PERIOD_PS;
        word_write <= 0;
        drove <= driving;
        late <= word;
        dq_o <= latency == 3 ? late : word;
        fetched <= fetched << 1;
        // With latency L the first word is on the pins in the cycle before the edge L: it was
        // addressed at the command's edge (L = 2) and is on the pins an edge later.
        driving <= latency == 3 ? fetched[1] : fetched[0];
        if (dq_driven && (driving || drove)) refuse("the data pins are driven from both sides");

        if (configured) begin
            owed <= owed + PERIOD_PS;
            if (owed > (POSTPONED + 1) * refresh_ps)
                violation("refreshes are late", owed, (POSTPONED + 1) * refresh_ps);
        end

        if (writing) begin
            word_address <= {row[bank], bank, column};
            word_data <= dq_i;
            word_write <= 1;
            words <= words + 1;
            if (!dq_driven) refuse("WRITE and no data on the pins");
            written[bank] <= now;
        end
        if (reading) begin
            word_address <= {row[bank], bank, column};
            fetched[0] <= 1;
            words <= words + 1;
        end
        if (reading || writing) begin
            // Columns of a burst wrap within its eight.
            column[2:0] <= column[2:0] + 3'd1;
            index <= index + 1;
            if (index == BURST - 1) begin
                reading <= 0;
                writing <= 0;
            end
        end

        if (power && !clk_en && now > PERIOD_PS) refuse("the clock is not enabled");
        if (command) begin
            if (now < power_up_ps) violation("a command before the supply is stable", now, power_up_ps);
            at_least("a command breaks tRFC", last_refresh, t_rfc_ps);
            at_least("a command breaks tMRD", last_mode, t_mrd_ps);
            also_cycles("a command breaks tMRD", last_mode);
            if (!configured && code != PRECHARGE && code != REFRESH && code != SET_MODE)
                refuse("a command before the mode register is set");
            case (code)
            ACTIVATE: begin
                if (open[ba]) refuse("ACTIVATE of an open bank");
                at_least("ACTIVATE breaks tRP", precharged[ba], t_rp_ps);
                at_least("ACTIVATE breaks tRC", activated[ba], t_rc_ps);
                at_least("ACTIVATE breaks tRRD", last_activate, t_rrd_ps);
                open[ba] <= 1;
                row[ba] <= a;
                activated[ba] <= now;
                last_activate <= now;
                written[ba] <= NEVER;
                activates <= activates + 1;
            end
            READ, WRITE: begin
                if (!open[ba]) refuse("a column command and the bank is closed");
                at_least("a column command breaks tRCD", activated[ba], t_rcd_ps);
                if (reading || writing) refuse("a burst is cut off");
                if (a[10]) refuse("automatic precharge is not modelled");
                if (dqm != 0) refuse("masked data are not modelled");
                busy_until[ba] <= now + BURST * PERIOD_PS;
                bank <= ba;
                column <= a[COLUMN_BITS-1:0] + 1;
                index <= 1;
                reading <= code == READ;
                writing <= code == WRITE;
                words <= words + 1;
                word_address <= {row[ba], ba, a[COLUMN_BITS-1:0]};
                if (a[2:0] != 0) refuse("a burst that does not begin at a multiple of eight");
                if (code == READ) fetched[0] <= 1;
                else begin
                    word_data <= dq_i;
                    word_write <= 1;
                    written[ba] <= now;
                    if (!dq_driven) refuse("WRITE and no data on the pins");
                end
            end
            PRECHARGE:
                for (i = 0; i < BANKS; i = i + 1)
                    if (a[10] || ba == i[BANK_BITS-1:0]) begin
                        may_close(i[BANK_BITS-1:0]);
                        open[i] <= 0;
                        if (open[i] || !configured) precharged[i] <= now;
                        if (a[10]) closed_all <= 1;
                    end
            REFRESH: begin
                if (!closed_all || open != 0) refuse("REFRESH and a bank is open");
                for (i = 0; i < BANKS; i = i + 1) begin
                    at_least("REFRESH breaks tRP", precharged[i], t_rp_ps);
                    at_least("REFRESH breaks tRC", activated[i], t_rc_ps);
                end
                last_refresh <= now;
                refreshes <= refreshes + 1;
                if (init_refreshes != 15) init_refreshes <= init_refreshes + 1;
                owed <= owed > refresh_ps ? owed - refresh_ps : 0;
            end
            SET_MODE: begin
                if (!closed_all || open != 0) refuse("SET MODE and a bank is open");
                if (init_refreshes < POWER_UP_REFRESHES)
                    refuse("the mode register is set before the refreshes");
                if (a[2:0] != 3'b011 || a[3] || |a[ROW_BITS-1:7])
                    refuse("a mode that is not eight columns in order");
                if (a[6:4] != 2 && a[6:4] != 3) refuse("a CAS latency that is not 2 or 3");
                latency <= a[6:4];
                configured <= 1;
                last_mode <= now;
                owed <= 0;
            end
            default: refuse("a command that is not modelled");
            endcase
        end

        if (!power) begin
            now <= 0;
            init_refreshes <= 0;
            closed_all <= 0;
            configured <= 0;
            latency <= 2;
            open <= 0;
            for (i = 0; i < BANKS; i = i + 1) begin
                activated[i] <= NEVER;
                precharged[i] <= NEVER;
                written[i] <= NEVER;
                busy_until[i] <= 0;
            end
            last_activate <= NEVER;
            last_refresh <= NEVER;
            last_mode <= NEVER;
            owed <= 0;
            reading <= 0;
            writing <= 0;
            index <= 0;
            driving <= 0;
            drove <= 0;
            fetched <= 0;
            activates <= 0;
            refreshes <= 0;
            words <= 0;
        end
    end
endmodule
