// Simulation models of the Gowin GW5A cells between a board's pins and the design, written from Gowin's
// UG304. Simulation only.

module IBUF (input I, output O);
    assign O = I;
endmodule

module TBUF (input I, OEN, output O);
    assign O = OEN ? 1'bz : I;
endmodule
