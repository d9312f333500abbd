"""Timing of external memory: parameters, and presets by name.

All times are cycles of the accelerator's clock, a beat is 128 bits.  Figures of the DRAM presets
are for 100 MHz, rounded up from the nanoseconds that makers' data sheets give for the type, not
for one part.  The DDR3's controller is a simple one that opens a row for every burst and closes it
again.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass


class MemoryTimingError(ValueError):
    """An impossible timing or an unknown preset: thing, value, rule and remedy."""


@dataclass(frozen=True)
class MemoryTiming:
    """When beats move, in simulation (``sim/native/memory.h``) and in the cycle model.

    ``ideal`` equals ``sim/rtl/external_memory.v``.

    Parameters
    ----------
    latency : int
        Cycles from the one in which a read is accepted to the one of its first beat, in a memory
        that is idle; latencies of queued bursts overlap.
    beats, cycles : int
        `beats` beats move in every `cycles` cycles at most, read or written; at most one a cycle.
    row_beats : int
        Beats of a DRAM row; 0: no rows.
    open_cycles : int
        Cycles in which nothing moves before the first beat of a burst, and of each further row.
    refresh_interval, refresh_cycles : int
        In every `refresh_interval` cycles nothing moves for `refresh_cycles`; 0: never.
    """

    latency: int = 16
    beats: int = 1
    cycles: int = 1
    row_beats: int = 0
    open_cycles: int = 0
    refresh_interval: int = 0
    refresh_cycles: int = 0

    def __post_init__(self) -> None:
        def need(rule: bool, member: str, text: str) -> None:
            if not rule:
                raise MemoryTimingError(f"memory: {member}={getattr(self, member)} {text}")

        for member in ("row_beats", "open_cycles", "refresh_interval", "refresh_cycles"):
            need(getattr(self, member) >= 0, member, "is negative; use 0 for none")
        need(self.latency >= 1, "latency", "is below 1; a beat comes after its request")
        need(self.beats >= 1, "beats", "is below 1; nothing would ever move")
        need(
            self.beats <= self.cycles, "beats", f"is above cycles={self.cycles}: 1 a cycle at most"
        )
        need(
            self.refresh_interval == 0 or self.refresh_cycles < self.refresh_interval,
            "refresh_cycles",
            f"is not below refresh_interval={self.refresh_interval}; nothing would ever move",
        )

    def arguments(self) -> list[str]:
        """The numbers in the order of the C++ struct."""
        return [str(number) for number in astuple(self)]

    def least_cycles(self, beats: int, bursts: int) -> int:
        """Cycles that `bursts` queued reads of `beats` beats in all need at least: no latency."""
        open_rows = max(bursts, beats // self.row_beats if self.row_beats else 0)
        busy = -(-beats * self.cycles // self.beats) + open_rows * self.open_cycles
        if not self.refresh_interval:
            return busy
        return busy * self.refresh_interval // (self.refresh_interval - self.refresh_cycles)


PRESETS = {
    # 128 bits a cycle, 16 cycles.
    "ideal": MemoryTiming(),
    # Block RAM behind the port: hw.system.on_chip.
    "on-chip": MemoryTiming(latency=2),
    # One 16-bit single-data-rate SDRAM of 256 Mbit at the accelerator's clock (small ECP5 boards)
    # behind hw.memory.sdram: 8 transfers a beat, rows that open while another is moved, 11 cycles a
    # refresh.  Within 1 % of that controller in RTL for whole networks, 2 % for one
    # that spills: it does not have the turns from reading to writing.
    "sdr-sdram": MemoryTiming(latency=18, cycles=8, refresh_interval=781, refresh_cycles=11),
    # The same chip at twice the accelerator's clock, behind hw.memory.crossing.
    "sdr-sdram-2x": MemoryTiming(latency=14, cycles=4, refresh_interval=390, refresh_cycles=6),
    # One 16-bit DDR3 at twice the accelerator's clock, so 64 bits a cycle; rows of 1024 columns;
    # precharge and row-to-column delay about 14 ns each, 3 cycles in all; 8192 refreshes in 64 ms,
    # each 260 ns (4 Gbit) and a row to open. Latency: CAS 6 of its clocks, the two cycles of the
    # first beat, and about 15 cycles of controller and serialisers, both ways.
    "ddr3": MemoryTiming(
        latency=20, cycles=2, row_beats=128, open_cycles=3, refresh_interval=781, refresh_cycles=29
    ),
}
"""Preset name to a timing."""


def memory_timing(memory: str | MemoryTiming) -> MemoryTiming:
    """The timing of a preset's name, or `memory` itself.

    Raises
    ------
    MemoryTimingError
        For an unknown name; lists the presets.
    """
    if isinstance(memory, MemoryTiming):
        return memory
    if memory not in PRESETS:
        raise MemoryTimingError(f"memory {memory!r}: unknown; choose one of {', '.join(PRESETS)}")
    return PRESETS[memory]
