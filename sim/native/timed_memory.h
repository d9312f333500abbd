// A memory that is timing alone: that of sim/rtl/external_memory.v, with a bandwidth, and the cycles
// in which a DRAM moves nothing.
//
// Up to QUEUE bursts wait and are served strictly in order. A read beat can be taken `latency`
// cycles after the cycle in which its request was accepted; the latencies of queued bursts overlap.
// `beats` beats move in every `cycles` cycles, read or written. The first beat of a burst, and the
// first one of every row of `row_beats`, comes `open_cycles` later. In every `refresh_interval`
// cycles nothing moves for `refresh_cycles`. An offered read beat stays until it is taken.

#pragma once

#include "memory.h"

struct MemoryTiming {
    uint64_t latency, beats, cycles, row_beats, open_cycles, refresh_interval, refresh_cycles;
};

class TimedMemory final : public Memory {
public:
    TimedMemory(const MemoryTiming& timing, uint64_t capacity)
        : Memory(capacity), timing_(timing) {
        TimedMemory::reset();
    }

    void reset() override {
        head_ = waiting_ = served_ = 0;
        cycle_ = blocked_until_ = 0;
        credit_ = timing_.cycles;
        offered_ = opened_ = false;
        fault_.clear();
    }

    bool request_ready() const override { return waiting_ != QUEUE; }
    bool read_valid() const override { return moves_ && !queue_[head_].write; }
    bool write_ready() const override { return moves_ && queue_[head_].write; }
    Beat read_data() const override { return contents_[queue_[head_].address + served_]; }

    // Decides whether the burst at the head may move a beat.
    void begin() override {
        if (timing_.refresh_interval != 0 && (cycle_ + 1) % timing_.refresh_interval == 0)
            blocked_until_ = (cycle_ > blocked_until_ ? cycle_ : blocked_until_)
                + timing_.refresh_cycles;
        moves_ = waiting_ != 0 && (offered_ || ready());
        offered_ = moves_ && !queue_[head_].write;
    }

    void end(bool request_valid, PortRequest request, bool write_valid, const Beat& data,
             bool read_taken) override {
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
        if (!check(request)) return;
        queue_[(head_ + waiting_) % QUEUE] = {request.write, request.address, request.beats,
                                              cycle_ + timing_.latency};
        ++waiting_;
    }

    MemoryTiming timing_;
    Burst queue_[QUEUE] = {};
    unsigned head_, waiting_;
    uint32_t served_;  // beats of the head that have moved
    uint64_t cycle_, blocked_until_, credit_;
    bool moves_ = false, offered_, opened_;
};
