// External memory behind the accelerator's memory port, and the ways to simulate it.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

struct Beat {
    uint32_t word[4];
};

struct PortRequest {
    bool write;
    uint32_t address, beats;
};

// Contents that the host reaches at any time, and a port: `begin` decides what the port shows in a
// cycle, `end` is what the accelerator showed on it.
class Memory {
public:
    explicit Memory(uint64_t capacity)
        : capacity_(capacity),
          // Zero pages that are not touched cost nothing.
          contents_(static_cast<Beat*>(std::calloc(capacity, sizeof(Beat)))) {}
    virtual ~Memory() { std::free(contents_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    bool holds(uint64_t address, uint64_t beats) const {
        return contents_ != nullptr && beats <= capacity_ && address <= capacity_ - beats;
    }
    Beat* at(uint64_t address) { return contents_ + address; }
    const std::string& fault() const { return fault_; }

    // Forgets every burst; the contents stay.
    virtual void reset() = 0;
    // Brings every beat that was taken into the contents.
    virtual void settle() {}

    virtual bool request_ready() const = 0;
    virtual bool read_valid() const = 0;
    virtual bool write_ready() const = 0;
    virtual Beat read_data() const = 0;
    virtual void begin() {}
    virtual void end(bool request_valid, PortRequest request, bool write_valid, const Beat& data,
                     bool read_taken) = 0;

protected:
    // Whether a burst is one; else it is the fault.
    bool check(const PortRequest& request) {
        if (request.beats != 0 && holds(request.address, request.beats)) return true;
        char text[128];
        std::snprintf(text, sizeof text,
                      "the accelerator asked for %u beats from beat %u; memory has %llu",
                      request.beats, request.address,
                      static_cast<unsigned long long>(capacity_));
        fault_ = text;
        return false;
    }

    uint64_t capacity_;
    Beat* contents_;
    std::string fault_;
};

// What a shared library of a memory gives: `make_memory(beats)`.
using MakeMemory = Memory* (*)(uint64_t);
constexpr const char* MAKE_MEMORY = "make_memory";
