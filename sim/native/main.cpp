// Main program of a native simulator: serves requests on standard input until it ends.
//
// A request is 16 bytes: operation and argument (32 bits each), address (64 bits), then the
// payload that the operation has. A reply is 16 bytes: status and value (32 bits each), length in
// bytes of the payload (64 bits), then the payload. Numbers are in the machine's own byte order:
// both ends are on one machine. The operations and statuses are those of sim.native.child.
//
// Command line: the memory's size in beats, then the members of MemoryTiming in order, or the path of
// a shared library that has a memory.

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "system.h"
#include "timed_memory.h"

namespace {

enum Operation : uint32_t {
    HELLO, WRITE_MEMORY, READ_MEMORY, WRITE_REGISTER, READ_REGISTER, RUN, RESET, COMPLETIONS, TRACE,
    SAMPLE, SAMPLES
};
enum Status : uint32_t { OK, RUNNING, FAULT, REFUSED };

constexpr uint32_t PROTOCOL = 0x42564E02;  // the letters BVN, and a version
constexpr uint64_t CLOCK_CHECK_CYCLES = 256;

struct Request {
    uint32_t operation, argument;
    uint64_t address;
};
struct Reply {
    uint32_t status, value;
    uint64_t length;
};

// Replies have a descriptor of their own: what Verilator prints goes to standard error.
int reply_descriptor;

bool receive(void* data, size_t size) {
    for (auto* at = static_cast<char*>(data); size != 0;) {
        const ssize_t got = read(STDIN_FILENO, at, size);
        if (got <= 0) return false;
        at += got;
        size -= static_cast<size_t>(got);
    }
    return true;
}

void send(const void* data, size_t size) {
    for (auto* at = static_cast<const char*>(data); size != 0;) {
        const ssize_t put = write(reply_descriptor, at, size);
        if (put <= 0) std::_Exit(1);  // nobody listens any more
        at += put;
        size -= static_cast<size_t>(put);
    }
}

void reply(Status status, uint32_t value = 0, const void* payload = nullptr, size_t length = 0) {
    const Reply header{status, value, length};
    send(&header, sizeof header);
    send(payload, length);
}

void reply_text(Status status, const std::string& text) {
    reply(status, 0, text.data(), text.size());
}

// Runs until done, `limit` cycles, or `milliseconds` of time; value: cycles that were run.
void run(System& system, uint64_t limit, uint32_t milliseconds) {
    using clock = std::chrono::steady_clock;
    const auto stop = clock::now() + std::chrono::milliseconds(milliseconds);
    uint64_t count = 0;
    while (count < limit && !system.done() && system.memory.fault().empty()) {
        if (system.sample_due()) count += system.sample();
        system.cycle();
        if (++count % CLOCK_CHECK_CYCLES == 0 && clock::now() >= stop) break;
    }
    if (!system.memory.fault().empty()) return reply_text(FAULT, system.memory.fault());
    const bool done = system.done();
    if (done) system.cycle();  // a completion is shown in the cycle after it
    reply(done ? OK : RUNNING, static_cast<uint32_t>(count));
}

bool serve(System& system, const Request& request) {
    switch (request.operation) {
    case HELLO: reply(OK, PROTOCOL); return true;
    case WRITE_MEMORY:
    case READ_MEMORY: {
        const uint64_t address = request.address, beats = request.argument;
        if (!system.memory.holds(address, beats)) {
            reply_text(REFUSED, "beats outside memory");
            return false;
        }
        Beat* const at = system.memory.at(address);
        if (request.operation == READ_MEMORY) {
            system.memory.settle();
            reply(OK, 0, at, beats * sizeof(Beat));
            return true;
        }
        if (!receive(at, beats * sizeof(Beat))) return false;
        reply(OK);
        return true;
    }
    case WRITE_REGISTER:
        system.write_register(static_cast<uint32_t>(request.address), request.argument);
        reply(OK);
        return true;
    case READ_REGISTER:
        reply(OK, system.read_register(static_cast<uint32_t>(request.address)));
        return true;
    case RUN: run(system, request.address, request.argument); return true;
    case RESET:
        system.reset();
        reply(OK);
        return true;
    case COMPLETIONS:
        reply(OK, 0, system.completions.data(), system.completions.size() * sizeof(Completion));
        return true;
    case SAMPLE:
        system.sample_every(request.argument, static_cast<uint32_t>(request.address),
                            static_cast<uint32_t>(request.address >> 32));
        reply(OK);
        return true;
    case SAMPLES:
        reply(OK, 0, system.samples.data(), system.samples.size() * sizeof(uint32_t));
        return true;
    case TRACE: {
        std::string folder(request.argument, '\0');
        if (!receive(&folder[0], folder.size())) return false;
        if (folder.empty()) system.close_traces();
        else if (!system.open_traces(folder)) {
            reply_text(REFUSED, "cannot write traces to " + folder);
            return true;
        }
        reply(OK);
        return true;
    }
    default: reply_text(REFUSED, "unknown operation"); return false;
    }
}

// The memory that the command line names, or nullptr: says why.
std::unique_ptr<Memory> make_memory(int argc, char** argv) {
    uint64_t numbers[8] = {};
    for (int i = 1; i < argc && i <= 8; ++i) numbers[i - 1] = std::strtoull(argv[i], nullptr, 0);
    std::unique_ptr<Memory> memory;
    if (argc == 3) {
        void* const library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
        void* const make = library == nullptr ? nullptr : dlsym(library, MAKE_MEMORY);
        if (make == nullptr) {
            std::fprintf(stderr, "%s\n", dlerror());
            return nullptr;
        }
        memory.reset(reinterpret_cast<MakeMemory>(make)(numbers[0]));
    } else if (argc == 9) {
        memory.reset(new TimedMemory({numbers[1], numbers[2], numbers[3], numbers[4], numbers[5],
                                      numbers[6], numbers[7]},
                                     numbers[0]));
    } else {
        std::fprintf(stderr, "usage: %s BEATS, and seven numbers of timing or a library\n", argv[0]);
        return nullptr;
    }
    if (!memory->holds(0, numbers[0])) {
        std::fprintf(stderr, "cannot allocate %s beats of memory\n", argv[1]);
        return nullptr;
    }
    return memory;
}

}  // namespace

int main(int argc, char** argv) {
    reply_descriptor = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    const std::unique_ptr<Memory> memory = make_memory(argc, argv);
    if (memory == nullptr) return 2;
    System system(*memory);
    Request request;
    while (receive(&request, sizeof request) && serve(system, request)) {
    }
    return 0;
}
