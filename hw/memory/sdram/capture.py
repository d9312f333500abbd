"""Which clock edge samples a word that was read: from the board's delays to whole cycles."""

from __future__ import annotations

from hw.memory.sdram.chip import SdramError, SdramTiming


def capture_cycles(
    timing: SdramTiming,
    *,
    late_ps: int,
    delay_ps: tuple[int, int],
    pad_registers: tuple[int, int] = (0, 0),
) -> int:
    """`capture` of :class:`hw.memory.sdram.controller.SdramController` for a board.

    Times count from the clock edge at which the pins begin to show READ.  The chip sees it
    `late_ps` later, and its first word is at the FPGA from tAC after the chip's edge ``cas - 1``
    until tOH after the one that follows.  The word is sampled at the edge with the most room in
    between.  An output register at the pads makes everything a cycle later, chip's edge and word
    alike; one at the inputs hands the word on a cycle later.

    Parameters
    ----------
    timing : SdramTiming
        Chip, clock and CAS latency.
    late_ps : int
        From a change at the pins to the chip's next clock edge, above 0 and at most a period: half
        a period for an inverted clock.
    delay_ps : tuple of int
        The least and the most that clock pad, both ways over the board and data pad take together,
        the FPGA's set-up time included in the most.
    pad_registers : tuple of int
        Registers between the controller and the pins: out, in.

    Raises
    ------
    SdramError
        No edge falls into the time in which the word is there.
    """
    chip, period = timing.chip, 10**12 // timing.clock_hz
    if not 0 < late_ps <= period:
        raise SdramError(f"SDRAM: late_ps={late_ps} is not within 1 to the period of {period}")
    least, most = delay_ps
    begin = late_ps + (timing.cas - 1) * period + chip.t_ac_ps + most
    end = late_ps + timing.cas * period + chip.t_oh_ps + least
    edge = max(range(2 * timing.cas + 2), key=lambda k: min(k * period - begin, end - k * period))
    if not begin <= edge * period <= end:
        raise SdramError(
            f"SDRAM: a word is at the pins from {begin} to {end} ps and no clock edge (every "
            f"{period} ps) falls in between; choose another late_ps or a slower clock"
        )
    # The controller's own count is for a chip that sees READ a whole period later, without delays,
    # and is sampled when its word ends: edge `cas + 1`.
    return edge - (timing.cas + 1) + sum(pad_registers)
