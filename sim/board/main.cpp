// Main program of a virtual board: the bitstream's top, a UART on its pins, its external memory.
//
// Command line: the members of MemoryTiming in order, the memory's size in beats, the descriptor of
// the pseudo-terminal's master side, and 1 if the accelerator's clock is to run in every cycle.
// It ends when standard input does, and prints its statistics.
//
// Time passes only while something happens: with both lines and the accelerator at rest the clock
// stops until a byte comes.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../native/timed_memory.h"
#include "Vtop.h"
#include "board.h"
#include "terminal.h"
#include "verilated.h"

namespace {

constexpr uint64_t LOOK_CYCLES = 256;   // between looks at the terminal
constexpr uint64_t REST_CYCLES = 4096;  // without any activity before the clock stops

class Board {
public:
    Board(const MemoryTiming& timing, uint64_t beats, int descriptor, bool every_cycle)
        : memory(timing, beats), terminal(descriptor, CYCLES_A_BIT), every_cycle_(every_cycle) {
        top_.rx = 1;
        top_.clk = top_.core_clk = 1;
        top_.eval();
    }

    void cycle() {
        memory.begin();
        top_.request_ready = memory.request_ready();
        top_.write_ready = memory.write_ready();
        top_.read_valid = memory.read_valid();
        if (memory.read_valid()) {
            const Beat read = memory.read_data();
            std::memcpy(top_.read_data.data(), &read, sizeof read);
        }
        top_.rx = terminal.driver.step();
        top_.clk = top_.core_clk = 0;
        top_.eval();
        terminal.take(top_.tx);
        Beat data;
        std::memcpy(&data, top_.write_data.data(), sizeof data);
        memory.end(top_.request_valid,
                   {static_cast<bool>(top_.request_write), top_.request_address,
                    top_.request_beats},
                   top_.write_valid, data, top_.read_ready);
        if (top_.fresh) memory.reset();
        const bool core = top_.active || every_cycle_;
        const bool rests =
            !top_.active && !(top_.leds & (LED_BUSY | LED_LINK)) && terminal.resting();
        resting = rests ? resting + 1 : 0;
        top_.clk = 1;
        if (core) top_.core_clk = 1;
        top_.eval();
        ++cycles;
        core_cycles += core;
    }

    TimedMemory memory;
    Terminal terminal;
    uint64_t cycles = 0, core_cycles = 0, resting = 0;

private:
    Vtop top_;
    bool every_cycle_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 11) {
        std::fprintf(stderr, "usage: %s timing (7 numbers), beats, descriptor, every cycle\n",
                     argv[0]);
        return 2;
    }
    uint64_t numbers[10];
    for (int i = 0; i < 10; ++i) numbers[i] = std::strtoull(argv[i + 1], nullptr, 0);
    const uint64_t beats = numbers[7];
    Board board({numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5],
                 numbers[6]},
                beats, static_cast<int>(numbers[8]), numbers[9] != 0);
    if (!board.memory.holds(0, beats)) {
        std::fprintf(stderr, "cannot allocate %llu beats of memory\n",
                     static_cast<unsigned long long>(beats));
        return 2;
    }
    Terminal& terminal = board.terminal;
    bool on = true;
    while (on) {
        board.cycle();
        if (!board.memory.fault().empty()) {
            std::printf("%s\n", board.memory.fault().c_str());
            return 3;
        }
        if (board.cycles % LOOK_CYCLES != 0) continue;
        on = terminal.exchange(board.resting > REST_CYCLES && terminal.answered());
    }
    std::printf("%llu %llu %llu %llu\n", static_cast<unsigned long long>(board.cycles),
                static_cast<unsigned long long>(board.core_cycles),
                static_cast<unsigned long long>(terminal.received),
                static_cast<unsigned long long>(terminal.sent));
    return 0;
}
