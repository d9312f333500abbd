// The host's end of a UART, a call a step of time: 8 bits, no parity, 1 stop bit. A bit need not last
// whole steps: rates that do not divide a board's clock are as far off as on the board.

#pragma once

#include <cstdint>
#include <deque>

// Bytes to a pin.
class UartDriver {
public:
    explicit UartDriver(double steps_a_bit) : steps_a_bit_(steps_a_bit) {}

    std::deque<uint8_t> bytes;

    bool resting() const { return bits_ == 0 && bytes.empty(); }

    // Level of the pin in the next step.
    bool step() {
        if (left_ <= 0) {
            if (bits_ != 0) {
                --bits_;
                shift_ >>= 1;
            }
            if (bits_ == 0) {
                if (bytes.empty()) {
                    left_ = 0;
                    return true;
                }
                shift_ = 0x200u | static_cast<unsigned>(bytes.front()) << 1;  // stop, data, start
                bytes.pop_front();
                bits_ = 10;
            }
            left_ += steps_a_bit_;
        }
        left_ -= 1;
        return shift_ & 1;
    }

private:
    double steps_a_bit_, left_ = 0;
    unsigned bits_ = 0, shift_ = 1;
};

// Bytes from a pin.
class UartSampler {
public:
    explicit UartSampler(double steps_a_bit) : steps_a_bit_(steps_a_bit) {}

    bool resting() const { return bits_ == 0; }

    // Takes the level of a step; true if `byte` is a new one.
    bool step(bool level) {
        if (bits_ == 0) {
            if (level) return false;
            bits_ = 10;
            left_ = steps_a_bit_ / 2;
        }
        left_ -= 1;
        if (left_ >= 0) return false;
        left_ += steps_a_bit_;
        shift_ = shift_ >> 1 | static_cast<unsigned>(level) << 9;
        if (--bits_ != 0) return false;
        byte = static_cast<uint8_t>(shift_ >> 1);
        return level;
    }

    uint8_t byte = 0;

private:
    double steps_a_bit_, left_ = 0;
    unsigned bits_ = 0, shift_ = 0;
};
