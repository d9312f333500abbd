// The UART between a board's pins and a pseudo-terminal.

#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <deque>

#include "uart.h"

class Terminal {
public:
    // `descriptor` is the terminal's master side.
    Terminal(int descriptor, double steps_a_bit)
        : driver(steps_a_bit), sampler(steps_a_bit), descriptor_(descriptor) {
        fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    }

    // Takes the level of the board's pin in a step.
    void take(bool tx) {
        if (sampler.step(tx)) answers_.push_back(sampler.byte);
    }

    bool resting() const { return driver.resting() && sampler.resting(); }
    bool answered() const { return answers_.empty(); }

    // Moves bytes between terminal and pins; `waits` until there is one. False when standard input
    // or the terminal has ended.
    bool exchange(bool waits) {
        while (!answers_.empty()) {
            uint8_t bytes[256];
            size_t n = 0;
            for (; n < sizeof bytes && n < answers_.size(); ++n) bytes[n] = answers_[n];
            const ssize_t put = write(descriptor_, bytes, n);
            if (put <= 0) break;  // nobody reads: later
            answers_.erase(answers_.begin(), answers_.begin() + put);
            sent += static_cast<uint64_t>(put);
        }
        pollfd ends[] = {{STDIN_FILENO, POLLIN, 0}, {descriptor_, POLLIN, 0}};
        if (poll(ends, 2, waits ? -1 : 0) < 0) return errno == EINTR;
        if (ends[0].revents != 0) return false;
        // Bytes wait in the terminal, not here, so that its writer feels the line's pace.
        if (ends[1].revents & POLLIN) {
            if (!driver.bytes.empty()) return true;
            uint8_t bytes[4096];
            const ssize_t got = read(descriptor_, bytes, sizeof bytes);
            if (got > 0) {
                driver.bytes.insert(driver.bytes.end(), bytes, bytes + got);
                received += static_cast<uint64_t>(got);
            }
        } else if (ends[1].revents != 0) {
            return false;
        }
        return true;
    }

    UartDriver driver;
    UartSampler sampler;
    uint64_t received = 0, sent = 0;

private:
    int descriptor_;
    std::deque<uint8_t> answers_;
};
