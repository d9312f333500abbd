"""What a data sheet says of an SDRAM, and the clock cycles that follow."""

from __future__ import annotations

from dataclasses import dataclass

BURST = 8
"""Columns that one READ or WRITE moves: a beat of 128 bits at 16 bits a cycle."""
WORD_BITS = 16
"""Data pins."""


class SdramError(ValueError):
    """A clock or a latency that a chip cannot have: thing, value, rule and remedy."""


@dataclass(frozen=True)
class SdramChip:
    """Geometry and least times of a 16-bit SDR SDRAM with four banks.

    Attributes
    ----------
    row_bits, column_bits : int
        Address bits of a row, and of a column of 16 bits.
    t_rcd_ps, t_rp_ps, t_ras_ps, t_rc_ps : int
        Activate to column command, precharge to activate, activate to precharge, and activate to
        activate of one bank, picoseconds.
    t_rrd_ps : int
        Activate to activate of two banks.
    t_rfc_ps : int
        Refresh to the next command.
    t_wr_ps, t_mrd_ps : int
        Last written word to precharge, mode register set to the next command; also at least
        `least_cycles` cycles each.
    refresh_ps : int
        Mean time between refreshes.
    power_up_ps : int
        Time without a command after power-up.
    power_up_refreshes : int
        Refreshes before the mode register is set.
    t_ac_ps, t_oh_ps : int
        Clock edge to data read, at most, and how long data stay after the next, at least.
    cas_hz : tuple of (int, int)
        CAS latency and the fastest clock at which it may be used.
    """

    row_bits: int
    column_bits: int
    t_rcd_ps: int
    t_rp_ps: int
    t_ras_ps: int
    t_rc_ps: int
    t_rrd_ps: int
    t_rfc_ps: int
    t_wr_ps: int
    t_mrd_ps: int
    refresh_ps: int
    power_up_ps: int
    power_up_refreshes: int
    t_ac_ps: int
    t_oh_ps: int
    cas_hz: tuple[tuple[int, int], ...]
    bank_bits: int = 2
    least_cycles: int = 2

    @property
    def beats(self) -> int:
        """Beats of 128 bits that it holds."""
        return 1 << (self.row_bits + self.bank_bits + self.column_bits - 3)

    @property
    def row_beats(self) -> int:
        """Beats of a row of one bank."""
        return 1 << (self.column_bits - 3)


SLOW_16X16M = SdramChip(
    row_bits=13,
    column_bits=9,
    t_rcd_ps=20_000,
    t_rp_ps=20_000,
    t_ras_ps=45_000,
    t_rc_ps=67_500,
    t_rrd_ps=15_000,
    t_rfc_ps=70_000,
    t_wr_ps=15_000,
    t_mrd_ps=15_000,
    refresh_ps=64 * 10**9 // 8192,
    power_up_ps=200 * 10**6,
    power_up_refreshes=8,
    t_ac_ps=6_000,
    t_oh_ps=2_500,
    cas_hz=((2, 100_000_000), (3, 133_000_000)),
)
"""32 MB: the slowest of what data sheets say of IS42S16160, W9825G6, AS4C16M16 and MT48LC16M16 in
their common speed grades, so that one bitstream suits any of them.  It also drives a chip of 64 MB
(AS4C32M16: ten column bits), of which it uses half."""


@dataclass(frozen=True)
class SdramTiming:
    """A chip's times in cycles of the clock it runs at.

    Parameters
    ----------
    chip : SdramChip
        The chip.
    clock_hz : int
        Clock of controller and chip.
    cas : int
        CAS latency, one of the chip's; the least that the clock allows when None.

    Raises
    ------
    SdramError
        The clock is too fast for the latency, or too slow to refresh.
    """

    chip: SdramChip
    clock_hz: int
    cas: int | None = None

    def __post_init__(self) -> None:
        fit = [cas for cas, fastest in sorted(self.chip.cas_hz) if self.clock_hz <= fastest]
        if not fit:
            fastest = max(hz for _, hz in self.chip.cas_hz)
            raise SdramError(
                f"SDRAM: clock_hz={self.clock_hz} is above the chip's {fastest}; use a slower clock"
            )
        if self.cas is None:
            object.__setattr__(self, "cas", fit[0])
        elif self.cas not in fit:
            raise SdramError(
                f"SDRAM: cas={self.cas} does not suit clock_hz={self.clock_hz}; "
                f"use one of {', '.join(map(str, fit))}"
            )
        if self.refresh_interval < 64:
            raise SdramError(
                f"SDRAM: clock_hz={self.clock_hz} leaves {self.refresh_interval} cycles between "
                "refreshes, too few to do anything; use 9 MHz or more"
            )

    def cycles(self, picoseconds: int) -> int:
        """The least number of cycles that lasts so long."""
        return -(-picoseconds * self.clock_hz // 10**12)

    @property
    def activate_to_column(self) -> int:
        """Cycles from ACTIVATE to the row's first column command, and to another ACTIVATE."""
        return max(self.cycles(self.chip.t_rcd_ps), self.cycles(self.chip.t_rrd_ps))

    @property
    def precharge(self) -> int:
        """Cycles from PRECHARGE to ACTIVATE or REFRESH."""
        return self.cycles(self.chip.t_rp_ps)

    @property
    def activate_to_precharge(self) -> int:
        """Cycles from ACTIVATE to PRECHARGE that keep tRAS, and tRC with `precharge` after them."""
        return max(self.cycles(self.chip.t_ras_ps), self.cycles(self.chip.t_rc_ps) - self.precharge)

    @property
    def write_to_precharge(self) -> int:
        """Cycles from WRITE to PRECHARGE: the last word and its recovery."""
        return BURST - 1 + max(self.cycles(self.chip.t_wr_ps), self.chip.least_cycles)

    @property
    def read_to_write(self) -> int:
        """Cycles from READ to WRITE: the data pins rest for one cycle between the directions."""
        return BURST + self.cas + 1

    @property
    def refresh(self) -> int:
        """Cycles from REFRESH to the next command."""
        return self.cycles(self.chip.t_rfc_ps)

    @property
    def mode_register_set(self) -> int:
        """Cycles from setting the mode register to the next command."""
        return max(self.cycles(self.chip.t_mrd_ps), self.chip.least_cycles)

    @property
    def refresh_interval(self) -> int:
        """Cycles between refreshes."""
        return self.chip.refresh_ps * self.clock_hz // 10**12

    @property
    def power_up_intervals(self) -> int:
        """Refresh intervals that last as long as the pause after power-up."""
        return -(-self.cycles(self.chip.power_up_ps) // self.refresh_interval)
