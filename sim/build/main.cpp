// Main program of a simulator: a Verilator model, VPI regions for cocotb, and a clock of its own.
//
// A time step visits the regions of IEEE 1800-2017, clause 4.4, as far as VPI can see them:
// next-time callbacks, timers, the clock, active evaluation until nothing changes, read-write
// synchronisation (which may cause another evaluation), read-only synchronisation.
//
// The port BVIT_CLOCK is toggled here, at every step (period 2): a cycle in which the testbench
// waits for nothing costs no VPI call. RisingEdge(clk) resumes before the registers change.

#include <cstdio>
#include <cstring>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_vpi.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

extern "C" void vlog_startup_routines_bootstrap(void);

namespace {

uint64_t step = 0;

class Simulation {
public:
    explicit Simulation(const char* waves_path) {
        // cocotb probes optional features; what Verilator lacks must not end the run.
        Verilated::fatalOnVpiError(false);
#if VM_TRACE
        Verilated::traceEverOn(true);
        if (waves_path != nullptr) {
            model_.trace(&waves_, 99);
            waves_.open(waves_path);
        }
#else
        (void)waves_path;
#endif
    }

    void start() {
        vlog_startup_routines_bootstrap();
        VerilatedVpi::callCbs(cbStartOfSimulation);
        settle_values();
    }

    // One time step; false when nothing is left to happen.
    bool advance() {
        run_regions();
#if VM_TRACE
        if (waves_.isOpen()) waves_.dump(step);
#endif
        if (Verilated::gotFinish() || !move_time()) return false;
        VerilatedVpi::callCbs(cbNextSimTime);
        settle_values();
        VerilatedVpi::callTimedCbs();
        settle_values();
#ifdef BVIT_CLOCK
        model_.BVIT_CLOCK = step & 1;
        settle_values();
#endif
        return !Verilated::gotFinish();
    }

    int finish() {
        run_regions();
        model_.final();
        VerilatedVpi::callCbs(cbEndOfSimulation);
#if VM_TRACE
        if (waves_.isOpen()) waves_.close();
#endif
        return Verilated::threadContextp()->errorCount() == 0 ? 0 : 1;
    }

private:
    Vtop model_{""};  // no name above the top module, which cocotb looks up
#if VM_TRACE
    VerilatedVcdC waves_;
#endif

    // Value-change callbacks may change values again.
    static void settle_values() {
        bool changed = true;
        while (changed) changed = VerilatedVpi::callValueCbs();
    }

    static void apply_writes() {
        VerilatedVpi::doInertialPuts();
        settle_values();
    }

    void run_active() {
        for (bool again = true; again; again = VerilatedVpi::evalNeeded()) {
            model_.eval_step();
            VerilatedVpi::clearEvalNeeded();
            apply_writes();
        }
    }

    void run_regions() {
        for (bool again = true; again; again = VerilatedVpi::evalNeeded()) {
            run_active();
            VerilatedVpi::callCbs(cbReadWriteSynch);
            apply_writes();
        }
        model_.eval_end_step();
        VerilatedVpi::callCbs(cbReadOnlySynch);
    }

    static bool move_time() {
#ifdef BVIT_CLOCK
        ++step;  // never past a timer: the clock has an event at every step
        return true;
#else
        const uint64_t deadline = VerilatedVpi::cbNextDeadline();
        if (deadline == ~uint64_t{0}) return false;
        step = deadline;
        return true;
#endif
    }
};

const char* option(int argc, char** argv, const char* name) {
    for (int i = 1; i + 1 < argc; ++i)
        if (std::strcmp(argv[i], name) == 0) return argv[i + 1];
    return nullptr;
}

}  // namespace

double sc_time_stamp() { return static_cast<double>(step); }  // what $time reads

int main(int argc, char** argv) {
    const char* waves_path = option(argc, argv, "--trace-file");
#if !VM_TRACE
    if (waves_path != nullptr) {
        std::fprintf(stderr, "Error: this simulator was built without waves\n");
        return 2;
    }
#endif
    Verilated::commandArgs(argc, argv);
    // Not destroyed: cocotb's end-of-simulation may leave the process from inside a callback.
    auto* simulation = new Simulation{waves_path};
    simulation->start();
    while (simulation->advance()) {
    }
    return simulation->finish();
}
