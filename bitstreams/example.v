// An instance of the accelerator: its AXI ports go to an interconnect, what it says to the outside.
module example (
    input  wire         clk,        // one clock for core, registers and memory
    input  wire         rst,        // high for reset, synchronous to clk
    output wire         irq,        // a run has ended and its results lie in memory
    output wire         memory_error,

    input  wire         s_axi_awvalid, output wire s_axi_awready,
    input  wire [9:0]   s_axi_awaddr,  input  wire [2:0] s_axi_awprot,
    input  wire         s_axi_wvalid,  output wire s_axi_wready,
    input  wire [31:0]  s_axi_wdata,   input  wire [3:0] s_axi_wstrb,
    output wire         s_axi_bvalid,  input  wire s_axi_bready, output wire [1:0] s_axi_bresp,
    input  wire         s_axi_arvalid, output wire s_axi_arready,
    input  wire [9:0]   s_axi_araddr,  input  wire [2:0] s_axi_arprot,
    output wire         s_axi_rvalid,  input  wire s_axi_rready,
    output wire [31:0]  s_axi_rdata,   output wire [1:0] s_axi_rresp,

    output wire         m_axi_awvalid, input  wire m_axi_awready,
    output wire [31:0]  m_axi_awaddr,  output wire [7:0] m_axi_awlen,
    output wire         m_axi_wvalid,  input  wire m_axi_wready,
    output wire [127:0] m_axi_wdata,   output wire m_axi_wlast,
    input  wire         m_axi_bvalid,  output wire m_axi_bready, input  wire [1:0] m_axi_bresp,
    output wire         m_axi_arvalid, input  wire m_axi_arready,
    output wire [31:0]  m_axi_araddr,  output wire [7:0] m_axi_arlen,
    input  wire         m_axi_rvalid,  output wire m_axi_rready,
    input  wire [127:0] m_axi_rdata,   input  wire [1:0] m_axi_rresp, input wire m_axi_rlast
);
    binaryvit accelerator (
        .clk(clk), .rst(rst), .irq(irq), .memory_error(memory_error),
        .s_axi_awvalid(s_axi_awvalid), .s_axi_awready(s_axi_awready),
        .s_axi_awaddr(s_axi_awaddr), .s_axi_awprot(s_axi_awprot),
        .s_axi_wvalid(s_axi_wvalid), .s_axi_wready(s_axi_wready),
        .s_axi_wdata(s_axi_wdata), .s_axi_wstrb(s_axi_wstrb),
        .s_axi_bvalid(s_axi_bvalid), .s_axi_bready(s_axi_bready), .s_axi_bresp(s_axi_bresp),
        .s_axi_arvalid(s_axi_arvalid), .s_axi_arready(s_axi_arready),
        .s_axi_araddr(s_axi_araddr), .s_axi_arprot(s_axi_arprot),
        .s_axi_rvalid(s_axi_rvalid), .s_axi_rready(s_axi_rready),
        .s_axi_rdata(s_axi_rdata), .s_axi_rresp(s_axi_rresp),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready),
        .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen),
        .m_axi_wvalid(m_axi_wvalid), .m_axi_wready(m_axi_wready),
        .m_axi_wdata(m_axi_wdata), .m_axi_wlast(m_axi_wlast),
        .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready),
        .m_axi_bid(1'b0), .m_axi_bresp(m_axi_bresp),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready),
        .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready),
        .m_axi_rid(1'b0), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp),
        .m_axi_rlast(m_axi_rlast),
        // The same in every transfer: 16 bytes a beat, incrementing, all bytes, one ID.
        .m_axi_awid(), .m_axi_awsize(), .m_axi_awburst(), .m_axi_awlock(), .m_axi_awcache(),
        .m_axi_awprot(), .m_axi_awqos(), .m_axi_wstrb(),
        .m_axi_arid(), .m_axi_arsize(), .m_axi_arburst(), .m_axi_arlock(), .m_axi_arcache(),
        .m_axi_arprot(), .m_axi_arqos());
endmodule
