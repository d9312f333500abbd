// External memory behind the accelerator's memory port: the timing of sim/rtl/external_memory.v,
// with a bandwidth, and the cycles in which a DRAM moves nothing.
//
// Up to QUEUE bursts wait and are served strictly in order. A read beat can be taken `latency`
// cycles after the cycle in which its request was accepted; the latencies of queued bursts overlap.
// `beats` beats move in every `cycles` cycles, read or written. The first beat of a burst, and the
// first one of every row of `row_beats`, comes `open_cycles` later. In every `refresh_interval`
// cycles nothing moves for `refresh_cycles`. An offered read beat stays until it is taken.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

struct Beat {
    uint32_t word[4];
};

struct MemoryTiming {
    uint64_t latency, beats, cycles, row_beats, open_cycles, refresh_interval, refresh_cycles;
};

struct PortRequest {
    bool write;
    uint32_t address, beats;
};

class ExternalMemory {
public:
    ExternalMemory(const MemoryTiming& timing, uint64_t capacity)
        : timing_(timing), capacity_(capacity),
          // Zero pages that are not touched cost nothing.
          contents_(static_cast<Beat*>(std::calloc(capacity, sizeof(Beat)))) {
        reset();
    }
    ~ExternalMemory() { std::free(contents_); }
    ExternalMemory(const ExternalMemory&) = delete;
    ExternalMemory& operator=(const ExternalMemory&) = delete;

    bool holds(uint64_t address, uint64_t beats) const {
        return contents_ != nullptr && beats <= capacity_ && address <= capacity_ - beats;
    }
    Beat* at(uint64_t address) { return contents_ + address; }

    // Forgets every burst; the contents stay.
    void reset() {
        head_ = waiting_ = served_ = 0;
        cycle_ = blocked_until_ = 0;
        credit_ = timing_.cycles;
        offered_ = opened_ = false;
        fault_.clear();
    }

    // What the port shows in this cycle.
    bool request_ready() const { return waiting_ != QUEUE; }
    bool read_valid() const { return moves_ && !queue_[head_].write; }
    bool write_ready() const { return moves_ && queue_[head_].write; }
    const Beat& read_data() const { return contents_[queue_[head_].address + served_]; }

    // Begins a cycle: decides whether the burst at the head may move a beat in it.
    void begin() {
        if (timing_.refresh_interval != 0 && (cycle_ + 1) % timing_.refresh_interval == 0)
            blocked_until_ = (cycle_ > blocked_until_ ? cycle_ : blocked_until_)
                + timing_.refresh_cycles;
        moves_ = waiting_ != 0 && (offered_ || ready());
        offered_ = moves_ && !queue_[head_].write;
    }

    // Ends it: what the accelerator showed on the port.
    void end(bool request_valid, PortRequest request, bool write_valid, const Beat& data,
             bool read_taken) {
        const bool accept = request_valid && request_ready();
        const bool read = read_valid() && read_taken, written = write_ready() && write_valid;
        if (written) contents_[queue_[head_].address + served_] = data;
        if (read || written) finish_beat();
        if (accept) push(request);
        const uint64_t most = timing_.beats + timing_.cycles - 1;
        // While a row opens, and in a refresh, the next beat is not on its way either.
        if (cycle_ >= blocked_until_)
            credit_ = credit_ + timing_.beats < most ? credit_ + timing_.beats : most;
        ++cycle_;
    }

    const std::string& fault() const { return fault_; }

private:
    static constexpr unsigned QUEUE = 8;
    struct Burst {
        bool write;
        uint32_t address, beats;
        uint64_t due;
    };

    bool ready() {
        const Burst& burst = queue_[head_];
        if (!burst.write && cycle_ < burst.due) return false;
        const bool first = served_ == 0
            || (timing_.row_beats != 0 && (burst.address + served_) % timing_.row_beats == 0);
        if (first && !opened_) {
            opened_ = true;
            const uint64_t from = cycle_ > blocked_until_ ? cycle_ : blocked_until_;
            blocked_until_ = from + timing_.open_cycles;
        }
        return cycle_ >= blocked_until_ && credit_ >= timing_.cycles;
    }

    void finish_beat() {
        credit_ -= timing_.cycles;
        offered_ = opened_ = false;
        if (++served_ == queue_[head_].beats) {
            served_ = 0;
            head_ = (head_ + 1) % QUEUE;
            --waiting_;
        }
    }

    void push(PortRequest request) {
        if (request.beats == 0 || !holds(request.address, request.beats)) {
            char text[128];
            std::snprintf(text, sizeof text,
                          "the accelerator asked for %u beats from beat %u; memory has %llu",
                          request.beats, request.address,
                          static_cast<unsigned long long>(capacity_));
            fault_ = text;
            return;
        }
        queue_[(head_ + waiting_) % QUEUE] = {request.write, request.address, request.beats,
                                              cycle_ + timing_.latency};
        ++waiting_;
    }

    MemoryTiming timing_;
    uint64_t capacity_;
    Beat* contents_;
    Burst queue_[QUEUE] = {};
    unsigned head_, waiting_;
    uint32_t served_;  // beats of the head that have moved
    uint64_t cycle_, blocked_until_, credit_;
    bool moves_ = false, offered_, opened_;
    std::string fault_;
};
