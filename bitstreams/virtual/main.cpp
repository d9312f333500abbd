// Main program of a board in simulation: its oscillator, and a UART on its pins.
//
// Command line: the descriptor of the pseudo-terminal's master side, then plusargs of the Verilog. It
// ends when standard input does, and prints its statistics.
//
// Time passes only while something happens: with the line at rest and both LEDs dark the oscillator
// stops until a byte comes.

#include <cstdio>
#include <cstdlib>

#include "../../sim/board/terminal.h"
#include "Vtop.h"
#include "board.h"
#include "verilated.h"

namespace {

constexpr uint64_t LOOK_STEPS = 256 * STEPS_A_CYCLE;   // between looks at the terminal
constexpr uint64_t REST_STEPS = 16384 * STEPS_A_CYCLE;  // without any activity before time stops

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s descriptor, plusargs\n", argv[0]);
        return 2;
    }
    Verilated::commandArgs(argc, argv);
    Terminal terminal(std::atoi(argv[1]), STEPS_A_BIT);
    Vtop top;
    top.rx = 1;
    top.oscillator = 0;
    top.eval();
    uint64_t steps = 0, resting = 0;
    bool on = true;
    while (on) {
        top.rx = terminal.driver.step();
        top.oscillator = !top.oscillator;
        top.eval();
        terminal.take(top.tx);
        resting = !(top.leds & (LED_BUSY | LED_LINK)) && terminal.resting() ? resting + 1 : 0;
        if (++steps % LOOK_STEPS != 0) continue;
        on = terminal.exchange(resting > REST_STEPS && terminal.answered());
    }
    const unsigned long long cycles = steps / STEPS_A_CYCLE;
    std::printf("%llu %llu %llu %llu\n", cycles, cycles,
                static_cast<unsigned long long>(terminal.received),
                static_cast<unsigned long long>(terminal.sent));
    return 0;
}
