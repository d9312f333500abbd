// Main program of a virtual board: the bitstream's top, a UART on its pins, its external memory.
//
// Command line: the members of MemoryTiming in order, the memory's size in beats, the descriptor of
// the pseudo-terminal's master side, and 1 if the accelerator's clock is to run in every cycle.
// It ends when standard input does, and prints its statistics.
//
// Time passes only while something happens: with both lines and the accelerator at rest the clock
// stops until a byte comes.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../native/timed_memory.h"
#include "Vtop.h"
#include "board.h"
#include "uart.h"
#include "verilated.h"

namespace {

constexpr unsigned LED_BUSY = 2, LED_LINK = 8;
constexpr uint64_t LOOK_CYCLES = 256;   // between looks at the terminal
constexpr uint64_t REST_CYCLES = 4096;  // without any activity before the clock stops

class Board {
public:
    Board(const MemoryTiming& timing, uint64_t beats, bool every_cycle)
        : memory(timing, beats), every_cycle_(every_cycle) {
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
        top_.rx = driver.cycle();
        top_.clk = top_.core_clk = 0;
        top_.eval();
        if (sampler.cycle(top_.tx)) answers.push_back(sampler.byte);
        Beat data;
        std::memcpy(&data, top_.write_data.data(), sizeof data);
        memory.end(top_.request_valid,
                   {static_cast<bool>(top_.request_write), top_.request_address,
                    top_.request_beats},
                   top_.write_valid, data, top_.read_ready);
        if (top_.fresh) memory.reset();
        const bool core = top_.active || every_cycle_;
        const bool rests = !top_.active && !(top_.leds & (LED_BUSY | LED_LINK))
            && driver.resting() && sampler.resting();
        resting = rests ? resting + 1 : 0;
        top_.clk = 1;
        if (core) top_.core_clk = 1;
        top_.eval();
        ++cycles;
        core_cycles += core;
    }

    TimedMemory memory;
    UartDriver driver{CYCLES_A_BIT};
    UartSampler sampler{CYCLES_A_BIT};
    std::deque<uint8_t> answers;
    uint64_t cycles = 0, core_cycles = 0, resting = 0;

private:
    Vtop top_;
    bool every_cycle_;
};

// Moves bytes between the terminal and the pins; `waits` until there is one. False at the end.
bool exchange(Board& board, int terminal, bool waits, uint64_t& received, uint64_t& sent) {
    while (!board.answers.empty()) {
        uint8_t bytes[256];
        size_t n = 0;
        for (; n < sizeof bytes && n < board.answers.size(); ++n) bytes[n] = board.answers[n];
        const ssize_t put = write(terminal, bytes, n);
        if (put <= 0) break;  // nobody reads: later
        board.answers.erase(board.answers.begin(), board.answers.begin() + put);
        sent += static_cast<uint64_t>(put);
    }
    pollfd ends[] = {{STDIN_FILENO, POLLIN, 0}, {terminal, POLLIN, 0}};
    if (poll(ends, 2, waits ? -1 : 0) < 0) return errno == EINTR;
    if (ends[0].revents != 0) return false;
    if (ends[1].revents & POLLIN) {
        uint8_t bytes[4096];
        const ssize_t got = read(terminal, bytes, sizeof bytes);
        if (got > 0) {
            board.driver.bytes.insert(board.driver.bytes.end(), bytes, bytes + got);
            received += static_cast<uint64_t>(got);
        }
    } else if (ends[1].revents != 0) {
        return false;
    }
    return true;
}

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
    const int terminal = static_cast<int>(numbers[8]);
    fcntl(terminal, F_SETFL, fcntl(terminal, F_GETFL) | O_NONBLOCK);
    Board board({numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5],
                 numbers[6]},
                beats, numbers[9] != 0);
    if (!board.memory.holds(0, beats)) {
        std::fprintf(stderr, "cannot allocate %llu beats of memory\n",
                     static_cast<unsigned long long>(beats));
        return 2;
    }
    uint64_t received = 0, sent = 0;
    bool on = true;
    while (on) {
        board.cycle();
        if (!board.memory.fault().empty()) {
            std::fprintf(stderr, "%s\n", board.memory.fault().c_str());
            return 3;
        }
        if (board.cycles % LOOK_CYCLES != 0) continue;
        // Bytes wait in the terminal, not here, so that its writer feels the line's pace.
        if (!board.driver.bytes.empty() && board.answers.empty()) continue;
        on = exchange(board, terminal, board.resting > REST_CYCLES && board.answers.empty(),
                      received, sent);
    }
    std::printf("%llu %llu %llu %llu\n", static_cast<unsigned long long>(board.cycles),
                static_cast<unsigned long long>(board.core_cycles),
                static_cast<unsigned long long>(received), static_cast<unsigned long long>(sent));
    return 0;
}
