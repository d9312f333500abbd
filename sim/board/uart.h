// The host's end of a UART, a call a clock cycle: 8 bits, no parity, 1 stop bit.

#pragma once

#include <cstdint>
#include <deque>

// Bytes to a pin.
class UartDriver {
public:
    explicit UartDriver(unsigned cycles_a_bit) : cycles_a_bit_(cycles_a_bit) {}

    std::deque<uint8_t> bytes;

    bool resting() const { return bits_ == 0 && bytes.empty(); }

    // Level of the pin in the next cycle.
    bool cycle() {
        if (left_ == 0) {
            left_ = cycles_a_bit_;
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
        }
        --left_;
        return shift_ & 1;
    }

private:
    unsigned cycles_a_bit_, left_ = 0, bits_ = 0, shift_ = 1;
};

// Bytes from a pin.
class UartSampler {
public:
    explicit UartSampler(unsigned cycles_a_bit) : cycles_a_bit_(cycles_a_bit) {}

    bool resting() const { return bits_ == 0; }

    // Takes the level of a cycle; true if `byte` is a new one.
    bool cycle(bool level) {
        if (bits_ == 0) {
            if (level) return false;
            bits_ = 10;
            left_ = cycles_a_bit_ / 2;
        }
        if (left_-- != 0) return false;
        left_ = cycles_a_bit_ - 1;
        shift_ = shift_ >> 1 | static_cast<unsigned>(level) << 9;
        if (--bits_ != 0) return false;
        byte = static_cast<uint8_t>(shift_ >> 1);
        return level;
    }

    uint8_t byte = 0;

private:
    unsigned cycles_a_bit_, left_ = 0, bits_ = 0, shift_ = 0;
};
