// The accelerator, its memory, and the logs: one call a clock cycle.
//
// taps.h is written by sim.native.top: BVIT_TAPS(X) calls X(name, bits) for every tap, ENGINES is
// the number of engines. The tap "complete" (a bit an engine, then a 12-bit tag an engine) is
// decoded for the log of completions, too.

#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "Vtop.h"
#include "memory.h"
#include "taps.h"
#include "verilated.h"

struct Completion {
    uint32_t cycle;
    uint16_t engine, tag;
};

// Bits [low, low + 32) of a port, whatever type Verilator gives it.
template <class Port>
uint32_t word_at(const Port& port, unsigned low) {
    return static_cast<uint32_t>(static_cast<uint64_t>(port) >> low);
}
template <std::size_t words>
uint32_t word_at(const VlWide<words>& port, unsigned low) {
    const unsigned index = low / 32, shift = low % 32;
    uint64_t pair = port[index];
    if (index + 1 < words) pair |= static_cast<uint64_t>(port[index + 1]) << 32;
    return static_cast<uint32_t>(pair >> shift);
}

class System {
public:
    explicit System(Memory& behind) : memory(behind) { reset(); }
    ~System() { close_traces(); }

    // Stops everything; external memory keeps its contents.
    void reset() {
        memory.reset();
        top_.host_write = 0;
        top_.rst = 1;
        for (int i = 0; i < 3; ++i) cycle();
        memory.reset();
        top_.rst = 0;
        completions.clear();
    }

    void write_register(uint32_t address, uint32_t value) {
        completions.clear();
        samples.clear();
        next_sample_ = 0;
        top_.host_address = address;
        top_.host_data_in = value;
        top_.host_write = 1;
        cycle();
        top_.host_write = 0;
    }

    uint32_t read_register(uint32_t address) {
        top_.host_address = address;
        cycle();
        return top_.host_data;
    }

    // From now on `count` registers from `first` on are read every `interval` cycles; 0: none.
    void sample_every(uint32_t interval, uint32_t first, uint32_t count) {
        interval_ = interval;
        first_sampled_ = first;
        sampled_ = count;
    }

    bool sample_due() const { return interval_ != 0 && top_.now >= next_sample_; }

    // Reads one register a cycle while the accelerator works on; returns the cycles.
    uint32_t sample() {
        next_sample_ = top_.now + interval_;
        for (uint32_t i = 0; i < sampled_; ++i) samples.push_back(read_register(first_sampled_ + i));
        return sampled_;
    }

    bool done() const { return top_.done; }

    void cycle() {
        memory.begin();
        top_.request_ready = memory.request_ready();
        top_.write_ready = memory.write_ready();
        top_.read_valid = memory.read_valid();
        if (memory.read_valid()) {
            const Beat data = memory.read_data();
            std::memcpy(top_.read_data.data(), &data, sizeof data);
        }
        top_.clk = 0;
        top_.eval();  // what the accelerator shows in this cycle
        if (!top_.rst) {
            if (top_.complete_valid) log_completions();
            if (tracing_) trace();
        }
        Beat data;
        std::memcpy(&data, top_.write_data.data(), sizeof data);
        memory.end(top_.request_valid && !top_.rst,
                   {static_cast<bool>(top_.request_write), top_.request_address,
                    top_.request_beats},
                   top_.write_valid, data, top_.read_ready);
        top_.clk = 1;
        top_.eval();
    }

    // Writes FOLDER/TAP.hex from now on, as trace_log.v does; false for a file that cannot be made.
    bool open_traces(const std::string& folder) {
        close_traces();
        tracing_ = true;
        for (unsigned i = 0; i < TAPS; ++i) {
            files_[i] = std::fopen((folder + "/" + NAMES[i] + ".hex").c_str(), "w");
            if (files_[i] == nullptr) {
                close_traces();
                return false;
            }
        }
        return true;
    }

    void close_traces() {
        for (FILE*& file : files_) {
            if (file != nullptr) std::fclose(file);
            file = nullptr;
        }
        tracing_ = false;
    }

    Memory& memory;
    std::vector<Completion> completions;
    std::vector<uint32_t> samples;  // row after row

private:
#define BVIT_NAME(name, bits) #name,
    static constexpr const char* NAMES[] = {BVIT_TAPS(BVIT_NAME)};
#undef BVIT_NAME
    static constexpr unsigned TAPS = sizeof(NAMES) / sizeof(NAMES[0]);

    void log_completions() {
        for (unsigned engine = 0; engine < ENGINES; ++engine)
            if (word_at(top_.complete_data, engine) & 1) {
                const uint32_t tag = word_at(top_.complete_data, ENGINES + 12 * engine) & 0xFFF;
                completions.push_back(
                    {top_.now, static_cast<uint16_t>(engine), static_cast<uint16_t>(tag)});
            }
    }

    void trace() {
        unsigned index = 0;
#define BVIT_TRACE(name, bits) \
    if (top_.name##_valid) write_record(files_[index], top_.name##_data, bits); \
    ++index;
        BVIT_TAPS(BVIT_TRACE)
#undef BVIT_TRACE
    }

    template <class Port>
    void write_record(FILE* file, const Port& port, unsigned bits) {
        std::fprintf(file, "%08x ", top_.now);
        const unsigned digits = (bits + 3) / 4;
        for (unsigned digit = digits; digit-- > 0;)
            std::fputc("0123456789abcdef"[word_at(port, 4 * digit) & 15], file);
        std::fputc('\n', file);
    }

    Vtop top_;
    uint32_t interval_ = 0, first_sampled_ = 0, sampled_ = 0, next_sample_ = 0;
    bool tracing_ = false;
    FILE* files_[TAPS] = {};
};
