// The SDRAM controller's RTL with the model of a chip, as a memory of its own: sim/sdram.py's top in
// a shared library.

#include "Vtop.h"
#include "memory.h"
#include "verilated.h"

namespace {

constexpr unsigned WORDS = 8;  // of 16 bits in a beat

class Sdram final : public Memory {
public:
    explicit Sdram(uint64_t capacity) : Memory(capacity) { Sdram::reset(); }

    // Resets the controller, and lets it initialise the chip as it has long done in a system whose
    // host sends a program.
    void reset() override {
        fault_.clear();
        owed_words_ = 0;
        top_.rst = 1;
        for (int i = 0; i < 3; ++i) idle();
        top_.rst = 0;
        while (!top_.ready) idle();
    }

    void settle() override {
        while (owed_words_ != 0) idle();
    }

    // All of them come from registers: what the last clock edge left.
    bool request_ready() const override { return top_.request_ready; }
    bool read_valid() const override { return top_.read_valid; }
    bool write_ready() const override { return top_.write_ready; }
    Beat read_data() const override {
        Beat data;
        std::memcpy(&data, top_.read_data.data(), sizeof data);
        return data;
    }

    void end(bool request_valid, PortRequest request, bool write_valid, const Beat& data,
             bool read_taken) override {
        if (request_valid && top_.request_ready && !check(request)) return;
        if (write_valid && top_.write_ready) owed_words_ += WORDS;
        top_.request_valid = request_valid;
        top_.request_write = request.write;
        top_.request_address = request.address;
        top_.request_beats = static_cast<uint16_t>(request.beats);
        top_.write_valid = write_valid;
        std::memcpy(top_.write_data.data(), &data, sizeof data);
        top_.read_ready = read_taken;
        top_.port_clk = 0;
        // A cycle of the port is as many of the chip's.
        for (unsigned cycle = 0; cycle == 0 || cycle < top_.ratio; ++cycle) {
            top_.clk = 0;
            top_.eval();
            top_.clk = top_.port_clk = 1;
            top_.eval();
            uint16_t* const words = reinterpret_cast<uint16_t*>(contents_);
            uint16_t& word = words[top_.word_address];
            if (top_.word_write) {
                word = top_.word_data;
                --owed_words_;
            }
            top_.word = word;
        }
    }

private:
    void idle() { end(false, {false, 0, 0}, false, Beat{}, false); }

    Vtop top_;
    uint64_t owed_words_ = 0;  // taken at the port and not yet in the chip
};

}  // namespace

extern "C" __attribute__((visibility("default"))) Memory* make_memory(uint64_t capacity) {
    static const char* arguments[] = {"sdram"};  // the chip asks for plusargs
    Verilated::commandArgs(1, arguments);
    return new Sdram(capacity);
}
